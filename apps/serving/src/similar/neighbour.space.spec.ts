import fc from 'fast-check';

import { type Near, type Search, Space } from './neighbour.space.js';

const WIDTH = 4;
const pause = () => Promise.resolve();
/** To one vector. */
async function nearest(space: Space, vector: Float32Array, count: number): Promise<Search & Near> {
  const { groups: [near = { customerIds: [], similarities: new Float32Array() }], ...search } = await space.nearest(vector, [1], count, pause);
  return { ...search, ...near };
}
const vector = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: WIDTH, maxLength: WIDTH }).filter((values) => values.some((value) => value !== 0));
const step = fc.record({ who: fc.nat(30), vector: fc.option(vector, { freq: 4 }) });

function cosine(one: readonly number[], other: readonly number[]): number {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  return dot(one, other) / Math.sqrt(dot(one, one) * dot(other, other));
}

/** The slow way. */
const similarities = (held: ReadonlyMap<string, readonly number[]>, asked: readonly number[], count: number) =>
  [...held.values()].map((values) => cosine(asked, values)).sort((a, b) => b - a).slice(0, count);

test('whoever comes, moves and goes, those found are as near as those that the slow way finds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), vector, fc.integer({ min: 1, max: 12 }), async (steps, asked, count) => {
      const space = new Space(WIDTH, 1_000);
      const held = new Map<string, readonly number[]>();
      for (const { who, vector: values } of steps) {
        const id = `customer ${who}`;
        if (values) space.put([id], Float32Array.from(values));
        else space.drop([id]);
        if (values) held.set(id, values);
        else held.delete(id);
      }
      const found = await nearest(space, Float32Array.from(asked), count);
      const right = similarities(held, asked, count);
      expect(found).toMatchObject({ isExact: true, recall: 1, customers: held.size });
      expect(found.similarities.length).toBe(right.length);
      right.forEach((similarity, i) => expect(found.similarities[i]).toBeCloseTo(similarity, 4));
      found.customerIds.forEach((id, i) => expect(cosine(asked, held.get(id) ?? [])).toBeCloseTo(found.similarities[i] ?? 0, 4));
    }),
  );
});

/** Customers around some centres, the same each time. */
function cloud(customers: number, width: number): { ids: string[]; vectors: Float32Array<ArrayBuffer> } {
  let seed = 7;
  const random = () => ((seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648) * 2 - 1;
  const centres = Array.from({ length: 12 }, () => Array.from({ length: width }, random));
  const vectors = Float32Array.from({ length: customers * width }, (_, at) => (centres[Math.floor(at / width) % 12]?.[at % width] ?? 0) + random() * 0.5);
  return { ids: Array.from({ length: customers }, (_, at) => `customer ${at}`), vectors };
}

test('beyond the size for it an index answers, says how well it recalls, and follows who moves and goes, also while it is built', async () => {
  const width = 16;
  const { ids, vectors } = cloud(3_000, width);
  const space = new Space(width, 1_000);
  space.put(ids, vectors);
  expect((await nearest(space, vectors.slice(0, width), 5)).isExact).toBe(true);
  let pauses = 0;
  const building = space.settle(() => {
    // Amid the building one goes to where the first stands, and another is gone.
    if (++pauses === 10) {
      space.put(['customer 17'], vectors.slice(0, width));
      space.drop(['customer 2999', 'customer 3']);
    }
    return pause();
  });
  await building;
  const found = await nearest(space, vectors.slice(0, width), 2);
  expect(found).toMatchObject({ isExact: false, customers: 2_998, recallSample: 200 });
  expect(found.recall).toBeGreaterThan(0.9);
  expect(found.customerIds.toSorted()).toEqual(['customer 0', 'customer 17']);
  space.put(['newcomer'], vectors.slice(0, width).map((value) => value * 3));
  space.drop(['customer 17']);
  expect((await nearest(space, vectors.slice(0, width), 2)).customerIds.toSorted()).toEqual(['customer 0', 'newcomer']);
  expect(await space.settle(pause)).toBe(false);
  space.put(ids.slice(0, 2_000), cloud(2_000, width).vectors.map((value, at) => value + (at % 7) * 0.1));
  expect(await space.settle(pause)).toBe(true);
  expect((await space.measured(pause)).recall).toBeGreaterThan(0.9);
});

test.each([['everyone is compared', 10_000], ['an index answers', 1_000]])('of many groups each gets what it gets alone, and others come in between the pieces, where %s', async (_how, exactUpTo) => {
  const width = 16;
  const { ids, vectors } = cloud(3_000, width);
  const space = new Space(width, exactUpTo);
  space.put(ids, vectors);
  await space.settle(pause);
  const sizes = [1, 0, 5, 1, 12, ...Array.from({ length: 11 }, () => 1)];
  const asked = vectors.slice(0, sizes.reduce((sum, size) => sum + size, 0) * width);
  const alone = [];
  for (let at = 0, group = 0; group < sizes.length; at += sizes[group] ?? 0, group++) alone.push(await space.nearest(asked.slice(at * width, (at + (sizes[group] ?? 0)) * width), [sizes[group] ?? 0], 4, pause));
  let pauses = 0;
  const { groups } = await space.nearest(asked, sizes, 4, () => {
    // Somebody goes whose place another takes.
    if (++pauses === 2) space.drop(['customer 2500']);
    return pause();
  });
  expect(pauses).toBe(3);
  expect(groups).toEqual(alone.map(({ groups: [only] }) => only));
  expect(groups[1]?.customerIds).toEqual([]);
  expect(groups[2]?.customerIds.slice(0, 1)).toEqual([expect.stringMatching(/^customer [1-5]$/)]);
});
