// docs/api/similar.md: each of its queries, to the letter, against what a real run has learned.
import { readFileSync } from 'node:fs';

import { api, until } from './ready.ts';

const [SIMILAR = '', LOOK_ALIKES = '', PREVIEW = '', CREATE = '', LASSO = '', READ = '', MOVE = ''] = [...readFileSync('docs/api/similar.md', 'utf8').matchAll(/^```graphql\n([\s\S]*?)^```$/gm)].map(([, query]) => query);

interface Near { similarity: number; customer: { userId: string } }

/** User ids of some members of the largest segments. */
async function membersOf(segments: number, each: number): Promise<string[][]> {
  const { segments: { nodes } } = await api().ask<{ segments: { nodes: { members: { nodes: { userId: string | null }[] } }[] } }>(
    `{ segments(first: ${segments}) { nodes { members(first: ${each}) { nodes { userId } } } } }`,
  );
  return nodes.map(({ members }) => members.nodes.flatMap(({ userId }) => (userId === null ? [] : [userId])));
}

test('similar customers are told, the nearest first, with how they were searched', async () => {
  const [[userId = ''] = []] = await membersOf(1, 1);
  const { customer, similaritySearch } = await api().ask<{ customer: { similar: Near[] }; similaritySearch: { isExact: boolean; recall: number; customers: number } }>(SIMILAR, { userId });
  expect(customer.similar).toHaveLength(5);
  expect(customer.similar.map(({ similarity }) => similarity)).toEqual(customer.similar.map(({ similarity }) => similarity).toSorted((a, b) => b - a));
  expect(customer.similar.map((near) => near.customer.userId)).not.toContain(userId);
  const { customers } = await api().ask<{ customers: { totalCount: number } }>('{ customers(first: 1) { totalCount } }');
  expect(similaritySearch).toMatchObject({ isExact: true, recall: 1, customers: customers.totalCount });
});

test('look-alikes of a list from one segment are mostly of that segment', async () => {
  const [first = []] = await membersOf(1, 100);
  const { lookAlikes } = await api().ask<{ lookAlikes: { seeds: number; customers: Near[] } }>(LOOK_ALIKES, { userIds: first.slice(0, 5) });
  expect(lookAlikes.seeds).toBe(5);
  expect(lookAlikes.customers).toHaveLength(20);
  const inIt = lookAlikes.customers.filter(({ customer }) => first.includes(customer.userId)).length;
  expect(inIt).toBeGreaterThan(10);
});

interface Preview { threshold: number; size: number; population: number; heldOut: number; sizes: { threshold: number; size: number }[]; rule: { text: string; fidelity: number } | null }

test('a segment by example is previewed, made, moved and ended by the queries of its page, and finds the others of a learned segment', async () => {
  const [first = []] = await membersOf(1, 100);
  const userIds = first.slice(0, 5);
  const { previewExampleSegment: seen } = await api().ask<{ previewExampleSegment: Preview }>(PREVIEW, { userIds });
  expect(seen.size).toBeGreaterThan(5);
  expect(seen.size).toBeLessThan(seen.population);
  expect(seen.sizes.map(({ size }) => size)).toEqual(seen.sizes.map(({ size }) => size).toSorted((a, b) => a - b));
  expect(seen.rule?.text).toBeTruthy();
  const { createExampleSegment: made } = await api().ask<{ createExampleSegment: { __typename: string; id: string } }>(CREATE, { userIds });
  expect(made.__typename).toBe('Segment');
  const { id } = made;
  const told = () => api().ask<{ exampleSegment: { progress: number; examples: number; preview: { size: number } } }>(READ, { id });
  const { exampleSegment } = await until(told, ({ exampleSegment: { progress } }) => progress === 1);
  expect(exampleSegment.examples).toBe(5);
  const members = async () => (await api().ask<{ segment: { members: { totalCount: number; nodes: { userId: string }[] } } }>('query($id: ID!) { segment(id: $id) { members(first: 100) { totalCount nodes { userId } } } }', { id })).segment.members;
  const before = await members();
  expect(before.nodes.filter(({ userId }) => first.includes(userId)).length).toBeGreaterThan(5);
  await api().ask(MOVE, { id });
  await until(told, ({ exampleSegment: { progress } }) => progress === 1);
  expect((await members()).totalCount).toBeLessThanOrEqual(before.totalCount);
  const { customerMap: { points } } = await api().ask<{ customerMap: { points: { x: number; y: number }[] } }>('{ customerMap(sample: 50) { points { x y } } }');
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const lasso = [{ x: left, y: low }, { x: right, y: low }, { x: right, y: high }, { x: left, y: high }];
  expect((await api().ask<{ previewExampleSegment: { examples: number } }>(LASSO, { lasso })).previewExampleSegment.examples).toBeGreaterThan(40);
  await api().ask('mutation($id: ID!) { deleteSegment(id: $id) { __typename } }', { id });
}, 60_000);
