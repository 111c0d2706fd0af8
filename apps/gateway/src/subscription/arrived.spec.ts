import { once, EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';

import { arrived } from './arrived.js';

async function* numbers(last: number, told: { read: number } = { read: 0 }): AsyncGenerator<number> {
  for (let number = 1; number <= last; number++) {
    told.read = number;
    yield number;
  }
}

/** As a client that is slower than the source. */
async function takenSlowly(values: AsyncIterable<unknown[]>): Promise<unknown[][]> {
  const taken: unknown[][] = [];
  for await (const chunk of values) {
    taken.push(chunk);
    for (let turns = 0; turns < 100; turns++) await turn();
  }
  return taken;
}

test('what arrived while the last was taken comes together, in order, up to so many', async () => {
  const chunks = await takenSlowly(arrived(numbers(250), 100));
  expect(chunks.flat()).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
  expect(chunks.length).toBeLessThanOrEqual(4);
  expect(Math.max(...chunks.map(({ length }) => length))).toBe(100);
});

test('a value alone waits for no other', async () => {
  const news = new EventEmitter();
  const values = arrived((async function* source() {
    yield 'first';
    await once(news, 'second');
    yield 'second';
  })(), 100);
  expect((await values.next()).value).toEqual(['first']);
  const second = values.next();
  await turn();
  news.emit('second');
  expect((await second).value).toEqual(['second']);
  expect((await values.next()).done).toBe(true);
});

test('of a source that nobody takes from no more is read than one chunk ahead', async () => {
  const told = { read: 0 };
  const values = arrived(numbers(10_000, told), 10);
  await values.next();
  for (let turns = 0; turns < 100; turns++) await turn();
  expect(told.read).toBeGreaterThan(9);
  expect(told.read).toBeLessThan(25);
  await values.return(undefined);
});

test('a failure comes behind all that came before it', async () => {
  const values = arrived((async function* source() {
    yield* numbers(30);
    throw new Error('gone');
  })(), 100);
  const taken: unknown[] = [];
  await expect((async () => {
    for await (const chunk of values) {
      taken.push(...chunk);
      for (let turns = 0; turns < 100; turns++) await turn();
    }
  })()).rejects.toThrow('gone');
  expect(taken).toHaveLength(30);
});
