import { gather } from './gathered.js';

/** A read whose end a test decides on. */
function heldRead() {
  const begun: { keys: readonly string[]; end: () => void }[] = [];
  const read = (keys: readonly string[]) => new Promise<string[]>((resolve) => begun.push({ keys, end: () => resolve(keys.map((key) => `${key}!`)) }));
  return { begun, read };
}
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test('who asks alone is asked for at once, and what is asked in the same moment goes together', async () => {
  const { begun, read } = heldRead();
  const load = gather(read);
  const both = Promise.all([load('a'), load('b')]);
  await nextTurn();
  expect(begun.map(({ keys }) => keys)).toEqual([['a', 'b']]);
  begun[0]?.end();
  expect(await both).toEqual(['a!', 'b!']);
});

test('while reads are under way what is asked gathers, and no read that began before answers it', async () => {
  const { begun, read } = heldRead();
  const load = gather(read);
  const first = load('a');
  await nextTurn();
  const second = load('a');
  await nextTurn();
  const gathered = ['a', 'b', 'c'].map(async (key) => {
    await nextTurn();
    return load(key);
  });
  await nextTurn();
  await nextTurn();
  expect(begun.map(({ keys }) => keys)).toEqual([['a'], ['a']]);
  begun[0]?.end();
  await first;
  await nextTurn();
  expect(begun[2]?.keys).toEqual(['a', 'b', 'c']);
  begun[1]?.end();
  begun[2]?.end();
  expect([await second, ...(await Promise.all(gathered))]).toEqual(['a!', 'a!', 'b!', 'c!']);
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
