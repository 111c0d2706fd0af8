import type { ServiceDefinition } from '@grpc/grpc-js';

/** Answers that are given again and again, by the message; their bytes from the first time on. */
const answers = new WeakMap<object, { bytes: Buffer | undefined }>();

/** The same message, which is encoded once however often it is the answer. It may not change any more. */
export function encodedOnce<Message extends object>(message: Message): Readonly<Message> {
  if (!answers.has(message)) answers.set(Object.freeze(message), { bytes: undefined });
  return message;
}

/** The definition, with codecs that know of messages that are encoded once. */
export function rememberingAnswers(definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const encode = method.responseSerialize;
      const responseSerialize = (message: object): Buffer => {
        const kept = answers.get(message);
        return kept ? (kept.bytes ??= encode(message)) : encode(message);
      };
      return [name, { ...method, responseSerialize }];
    }),
  );
}
