import { statSync } from 'node:fs';

import { api, readyFile } from './ready.ts';

interface SegmentNode {
  id: string;
  name: string;
  size: number;
  share: number;
  traits: { label: string }[];
  members: { totalCount: number };
}

const SEGMENTS = '{ segments(first: 50) { population nodes { id name size share traits(first: 3) { label } members(first: 1) { totalCount } } } }';
const segments = async () => (await api().ask<{ segments: { population: number; nodes: SegmentNode[] } }>(SEGMENTS)).segments;

test('the file with the keys is readable by its owner alone', () => {
  expect(statSync(readyFile).mode & 0o777).toBe(0o600);
});

/** Customers who are in no segment that a model drew, for they are unlike anything it has seen. */
async function unplaced(): Promise<number> {
  interface Page { nodes: { memberships: { segment: { kind: string } }[] }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } }
  let count = 0;
  for (let after: string | null = null; ; ) {
    const { customers }: { customers: Page } = await api().ask(
      'query($after: String) { customers(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes { memberships { segment { kind } } } } }',
      { after },
    );
    count += customers.nodes.filter(({ memberships }) => !memberships.some(({ segment }) => segment.kind === 'LEARNED')).length;
    if (!customers.pageInfo.hasNextPage) return count;
    after = customers.pageInfo.endCursor;
  }
}

test('every customer has a place in a named segment, or is unlike anything seen, which next to nobody is', async () => {
  const { population, nodes } = await segments();
  const { customers } = await api().ask<{ customers: { totalCount: number } }>('{ customers(first: 1) { totalCount } }');
  expect(nodes.length).toBeGreaterThan(1);
  expect(new Set(nodes.map((segment) => segment.name)).size).toBe(nodes.length);
  expect(nodes.every((segment) => segment.traits.length > 0)).toBe(true);
  const nowhere = await unplaced();
  expect(nowhere).toBeLessThan(0.02 * population);
  expect(nodes.reduce((sum, segment) => sum + segment.size, 0)).toBe(population - nowhere);
  expect(population).toBe(customers.totalCount);
});

interface Basis {
  asOf: string;
  model: { id: string };
  customers: number;
  placed: number;
  unlikeAnythingSeen: number;
  notYetRead: number;
  newestEventAt: string;
  eventsBehind: number;
  secondsBehind: number;
}

test('on each level the sizes, those unlike anything seen and those not yet read add up to all customers, and every count says so of itself', async () => {
  const basis = 'basis { asOf model { id } customers placed unlikeAnythingSeen notYetRead newestEventAt eventsBehind secondsBehind }';
  const list = `asOf model { id } ${basis} nodes { size asOf basis { asOf placed } }`;
  const { everyone, ...levels } = await api().ask<Record<'coarser' | 'main' | 'finer', { asOf: string; model: { id: string }; basis: Basis; nodes: { size: number; asOf: string; basis: Basis }[] }> & { everyone: { totalCount: number; basis: Basis } }>(
    `{ coarser: segments(first: 100, kind: LEARNED, level: COARSER) { ${list} } main: segments(first: 100, kind: LEARNED) { ${list} } finer: segments(first: 100, kind: LEARNED, level: FINER) { ${list} }
       everyone: customers(first: 1) { totalCount basis { customers placed } } }`,
  );
  expect(everyone.basis).toEqual({ customers: everyone.totalCount, placed: null });
  const nowhere = await unplaced();
  for (const { asOf, model, basis: told, nodes } of Object.values(levels)) {
    const leaves = nodes.reduce((sum, { size }) => sum + size, 0);
    expect([leaves, leaves + told.unlikeAnythingSeen + told.notYetRead]).toEqual([told.placed, everyone.totalCount]);
    expect([told.customers, told.unlikeAnythingSeen + told.notYetRead]).toEqual([everyone.totalCount, nowhere]);
    expect([told.asOf, told.model.id]).toEqual([asOf, model.id]);
    expect([told.eventsBehind, told.secondsBehind]).toEqual([0, 0]);
    expect(Date.parse(told.newestEventAt)).toBeLessThanOrEqual(Date.parse(asOf));
    for (const segment of nodes) expect(segment.basis).toEqual({ asOf: segment.asOf, placed: told.placed });
  }
});

interface Nested {
  id: string;
  name: string;
  size: number;
  parent: { id: string } | null;
  children: { id: string; size: number }[];
  rule: { text: string; isFaithful: boolean; fidelity: number; conditions: unknown[] } | null;
}

test('each level has everyone who is in any, wholes count their parts, and every segment has a rule or says that none fits', async () => {
  const level = 'population nodes { id name size parent { id } children { id size } rule { text isFaithful fidelity conditions { trait } } }';
  const levels = await api().ask<Record<'coarser' | 'main' | 'finer', { population: number; nodes: Nested[] }>>(
    `{ coarser: segments(first: 50, level: COARSER) { ${level} } main: segments(first: 50) { ${level} } finer: segments(first: 100, level: FINER) { ${level} } }`,
  );
  const nowhere = await unplaced();
  for (const { population, nodes } of Object.values(levels)) expect(nodes.reduce((sum, { size }) => sum + size, 0)).toBe(population - nowhere);
  const all = Object.values(levels).flatMap(({ nodes }) => nodes);
  for (const { id, size, children } of all) {
    if (children.length > 0) expect(children.reduce((sum, part) => sum + part.size, 0)).toBe(size);
    for (const part of children) expect(all.find((one) => one.id === part.id)?.parent?.id).toBe(id);
  }
  for (const { rule } of all) {
    expect(rule?.text.startsWith('No short rule')).toBe(!rule?.isFaithful);
    expect(rule?.isFaithful === true && rule.conditions.length === 0).toBe(false);
  }
  expect(new Set(all.map(({ name }) => name)).size).toBe(new Set(all.map(({ id }) => id)).size);
});

test("a segment's size is the length of its list of members", async () => {
  for (const { id, size, members } of (await segments()).nodes.slice(0, 3)) {
    expect(members.totalCount).toBe(size);
    const listed = new Set<string>();
    let after: string | null = null;
    do {
      const page: { segment: { members: { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } } = await api().ask(
        'query($id: ID!, $after: String) { segment(id: $id) { members(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }',
        { id, after },
      );
      for (const member of page.segment.members.nodes) listed.add(member.id);
      after = page.segment.members.pageInfo.hasNextPage ? page.segment.members.pageInfo.endCursor : null;
    } while (after !== null);
    expect(listed.size).toBe(size);
  }
});

test('a person renames a segment, and a name that is taken is refused as a result', async () => {
  const [first, second] = (await segments()).nodes;
  const rename = 'mutation($id: ID!, $name: String!) { renameSegment(id: $id, name: $name) { __typename ... on Segment { name isRenamed } } }';
  const renamed = await api().ask(rename, { id: first!.id, name: 'Our best' });
  expect(renamed).toEqual({ renameSegment: { __typename: 'Segment', name: 'Our best', isRenamed: true } });
  expect(await api().ask(rename, { id: second!.id, name: 'Our best' })).toEqual({ renameSegment: { __typename: 'NameTaken' } });
});

test('the map draws customers with the segment that they are in, where they are in one', async () => {
  const { customerMap } = await api().ask<{ customerMap: { population: number; points: { x: number; y: number; segmentId: string | null }[] } }>(
    '{ customerMap(sample: 200) { population points { x y segmentId } } }',
  );
  expect(customerMap.points).toHaveLength(200);
  expect(customerMap.points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
  expect(customerMap.points.filter(({ segmentId }) => segmentId === null).length).toBeLessThan(4);
});

test('nobody reads without a key, and an intake key reads nothing', async () => {
  await expect(api('ka_nobody').ask('{ viewer { role } }')).rejects.toThrow(/key/i);
  const { ready } = await import('./ready.ts');
  await expect(api(ready().writeKey).ask('{ segments { totalCount } }')).rejects.toThrow(/needs a key with the role VIEWER/);
});
