import type { ServiceDefinition } from '@grpc/grpc-js';

import { encodedOnce, rememberingAnswers } from './encoded.once.js';

function counting() {
  const encoded: unknown[] = [];
  const asItIs = (bytes: Buffer): Buffer => bytes;
  const responseSerialize = (message: { text: string }): Buffer => {
    encoded.push(message);
    return Buffer.from(message.text);
  };
  const definition = { say: { path: '/kindred.test.Saying/Say', requestStream: false, responseStream: false, requestSerialize: asItIs, requestDeserialize: asItIs, responseSerialize, responseDeserialize: asItIs } } as unknown as ServiceDefinition;
  const encode = (message: object) => rememberingAnswers(definition)['say']?.responseSerialize(message).toString();
  return { encoded, encode };
}

test('an answer that is given again is encoded once, and another one of the same content anew', () => {
  const { encoded, encode } = counting();
  const answer = encodedOnce({ text: 'hello' });
  expect([encode(answer), encode(encodedOnce(answer)), encode({ text: 'hello' })]).toEqual(['hello', 'hello', 'hello']);
  expect(encoded).toHaveLength(2);
});

test('what is encoded once cannot be changed any more; all else is encoded as it is', () => {
  const { encode } = counting();
  const [kept, free] = [encodedOnce({ text: 'a' }), { text: 'a' }];
  expect(() => Object.assign(kept, { text: 'b' })).toThrow(TypeError);
  expect([encode(free), encode(Object.assign(free, { text: 'b' }))]).toEqual(['a', 'b']);
});
