import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

import { cursorFormat } from './page.js';

const format = cursorFormat(z.tuple([z.number(), z.string()]));

test('a cursor gives back the key it was made of, to the last digit of a double', () => {
  const key: [number, string] = [0.1 + 0.2, '0190c7a4-0000-7000-8000-000000000001'];
  expect(format.read(format.write(key))).toEqual(key);
});

test.each(['', 'x', '%%%', Buffer.from('{"a":1}').toString('base64url'), Buffer.from('[1]').toString('base64url')])(
  'the foreign cursor %p is refused and not guessed at',
  (cursor) => {
    expect(() => format.read(cursor)).toThrow(RpcError);
  },
);
