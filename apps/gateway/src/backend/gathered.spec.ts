import { jest } from '@jest/globals';

import { gather } from './gathered.js';

/** A read whose end a test decides on. */
function heldRead() {
  const begun: { keys: readonly string[]; end: () => void }[] = [];
  const read = (keys: readonly string[]) => new Promise<string[]>((resolve) => begun.push({ keys, end: () => resolve(keys.map((key) => `${key}!`)) }));
  return { begun, read };
}
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
afterEach(() => jest.useRealTimers());

test('who asks alone is asked for at once, and what is asked in the same moment goes together', async () => {
  const { begun, read } = heldRead();
  const load = gather(read);
  const both = Promise.all([load('a'), load('b')]);
  await nextTurn();
  expect(begun.map(({ keys }) => keys)).toEqual([['a', 'b']]);
  begun[0]?.end();
  expect(await both).toEqual(['a!', 'b!']);
});

test('while a read is under way what is asked gathers, and no read that began before answers it', async () => {
  const { begun, read } = heldRead();
  const load = gather(read);
  const first = load('a');
  await nextTurn();
  const gathered = [load('a')];
  await nextTurn();
  gathered.push(load('b'));
  await nextTurn();
  expect(begun.map(({ keys }) => keys)).toEqual([['a']]);
  begun[0]?.end();
  expect(await first).toBe('a!');
  await nextTurn();
  expect(begun.map(({ keys }) => keys)).toEqual([['a'], ['a', 'b']]);
  begun[1]?.end();
  expect(await Promise.all(gathered)).toEqual(['a!', 'b!']);
});

test('a read that takes long holds up no others', async () => {
  const { begun, read } = heldRead();
  const load = gather(read);
  const slow = load('slow');
  await nextTurn();
  const next = load('next');
  await nextTurn();
  expect(begun).toHaveLength(1);
  jest.advanceTimersByTime(100);
  await nextTurn();
  begun[1]?.end();
  expect(await next).toBe('next!');
  begun[0]?.end();
  expect(await slow).toBe('slow!');
});

test('a read that fails fails those who waited for it, and the next one is made all the same', async () => {
  let reads = 0;
  const load = gather(async (keys: readonly string[]) => {
    reads += 1;
    if (reads <= 2) throw new Error(`read ${reads} failed`);
    return [...keys];
  });
  await expect(Promise.all([load('a'), load('b')])).rejects.toThrow('read 1 failed');
  await expect(load('a')).rejects.toThrow('read 2 failed');
  expect(await load('a')).toBe('a');
});
