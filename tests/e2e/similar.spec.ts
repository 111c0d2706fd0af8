// docs/api/similar.md: each of its queries, to the letter, against what a real run has learned.
import { readFileSync } from 'node:fs';

import { api } from './ready.ts';

const [SIMILAR = '', LOOK_ALIKES = ''] = [...readFileSync('docs/api/similar.md', 'utf8').matchAll(/^```graphql\n([\s\S]*?)^```$/gm)].map(([, query]) => query);

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
