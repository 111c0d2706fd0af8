import { Readable } from 'node:stream';

/**
 * What has arrived of a source, in its order: a value alone as soon as it is there, up to `most` together where they come faster than they are
 * taken. It reads ahead by about `most` and no further. The source's failure comes behind all that came before it.
 */
export async function* arrived(source: AsyncIterable<unknown>, most: number): AsyncGenerator<unknown[], undefined> {
  const failures: unknown[] = [];
  const ahead = Readable.from(untilItFails(source, failures), { highWaterMark: most });
  for await (const first of ahead as AsyncIterable<unknown>) {
    const values = [first];
    while (values.length < most && ahead.readableLength > 0) values.push(ahead.read());
    yield values;
  }
  if (failures.length > 0) throw failures[0];
  return undefined;
}

/** A stream that fails drops what it holds: it is let end instead. */
async function* untilItFails(source: AsyncIterable<unknown>, failures: unknown[]): AsyncGenerator<unknown, undefined> {
  try {
    yield* source;
  } catch (error) {
    failures.push(error);
  }
  return undefined;
}
