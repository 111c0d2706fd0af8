import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { access, serving } from '#libs/contracts';

import { MANY, SEGMENTS } from './score-worker.fake.js';
import { membersOf, model, orders, segment, ServingHouse, type ServingReplica, similarTo, type TestModel, type TestWorkspace, until } from './serving-house.js';

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start();
});
afterAll(() => house.close());

const DAY = 86_400_000;
const membershipsOf = async (workspace: TestWorkspace, customerIds: string[]) =>
  (await replica.memberships.getCustomerMemberships({ customerIds }, workspace.call)).customers;
const listed = (workspace: TestWorkspace, change: Partial<serving.ListSegmentsRequest> = {}) =>
  replica.segments.listSegments({ ...serving.ListSegmentsRequest.fromPartial({}), ...change }, workspace.call);
const namesAndSizes = async (workspace: TestWorkspace) =>
  Object.fromEntries((await listed(workspace)).segments.map(({ name, size }) => [name, size]));
const idOf = async (workspace: TestWorkspace, name: string) => (await listed(workspace)).segments.find((one) => one.name === name)?.id ?? '';

/** Name of the segment that a customer is in, empty for none. */
async function nameOf(workspace: TestWorkspace, customerId: string): Promise<string> {
  const [customer] = await membershipsOf(workspace, [customerId]);
  const id = customer?.memberships[0]?.segmentId ?? '';
  return (await listed(workspace)).segments.find((one) => one.id === id)?.name ?? '';
}

/** A workspace whose customers have one order each, and a model that serves them. */
async function served(count = 3, kind: Parameters<typeof model>[0] = 'plain', clock = access.Clock.LIVE) {
  const workspace = await house.workspace(clock);
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.flatMap((id) => orders(id, 1)));
  const first = model(kind);
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, customers, first };
}

const active = (workspace: TestWorkspace) => replica.activation.getActiveModel({}, workspace.call);
const overlap = (championIndex: number, jaccard: number) => ({ championIndex, jaccard, shareOfNew: jaccard, shareOfChampion: jaccard, matched: true });

/** A second model that continues all segments of the first, with their places in the bundle shifted by one. */
async function prepareSwapped(workspace: TestWorkspace, first: TestModel): Promise<TestModel> {
  const second = model('swapped');
  const segments = [2, 0, 1].map((championIndex, index) => segment(index, SEGMENTS[championIndex] ?? '', [overlap(championIndex, 0.9)]));
  await house.prepare(replica, workspace, second, { segments, championModelId: first.id });
  return second;
}

test('segments that grow and shrink between pages are listed once, the largest of what is left first', async () => {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 6);
  const first = (count: number) => ({ userIds: customers.slice(0, count).map((id) => `user-${id}`) });
  const ids = new Map<string, string>();
  for (const [index, name] of ['Five', 'Four', 'Three', 'Two', 'One'].entries()) {
    const { definition } = await replica.definitions.createDefinedSegment({ name, description: '', condition: undefined, customers: first(5 - index) }, workspace.call);
    ids.set(name, definition?.segmentId ?? '');
  }
  const resize = (name: string, count: number) => replica.definitions.updateDefinedSegment({ segmentId: ids.get(name) ?? '', condition: undefined, customers: first(count) }, workspace.call);
  const page = async (after: string) => {
    const { segments, pageInfo } = await listed(workspace, { page: { first: 2, after } });
    return { names: segments.map(({ name }) => name), after: pageInfo?.endCursor ?? '', more: pageInfo?.hasNextPage };
  };
  const one = await page('');
  expect(one).toMatchObject({ names: ['Five', 'Four'], more: true });
  // Past all that was shown, and below all that was not.
  await resize('One', 6);
  await resize('Five', 0);
  const two = await page(one.after);
  expect(two).toMatchObject({ names: ['One', 'Three'], more: true });
  expect(await page(two.after)).toMatchObject({ names: ['Two'], more: false });
});

describe('what is served', () => {
  test('nothing is served at first, and every question has a defined answer', async () => {
    const workspace = await house.workspace();
    const stranger = randomUUID();
    expect(await active(workspace)).toMatchObject({ modelId: '', fence: 0, backlogEvents: 0 });
    expect(await membershipsOf(workspace, [stranger, 'no id of ours'])).toMatchObject([
      { customerId: stranger, memberships: [], known: false },
      { customerId: 'no id of ours', memberships: [], known: false },
    ]);
    expect((await listed(workspace)).segments).toEqual([]);
    expect((await replica.segments.getCustomerMap({ sample: 10 }, workspace.call)).points).toEqual([]);
    expect(await similarTo(replica, workspace, stranger, 3)).toEqual([]);
  });

  test('a prepared model is served from its activation on, with everyone in their segment', async () => {
    const { workspace, customers, first } = await served();
    expect(await namesAndSizes(workspace)).toEqual({ 'Few orders': 3, 'Many orders': 0, 'Gone quiet': 0 });
    const [customer] = await membershipsOf(workspace, customers.slice(0, 1));
    expect(customer).toMatchObject({ known: true, memberships: [{ modelId: first.id, strength: 0.9 }] });
    const { changes } = await replica.memberships.listMembershipChanges({ customerId: customers[0] ?? '', segmentId: '', page: undefined }, workspace.call);
    expect(changes).toMatchObject([{ fromSegmentId: '', byPromotion: true, modelId: first.id }]);
  });

  test('after a switch the tables that have grown are measured and no others, each in a transaction of its own, behind which no event has to wait long', async () => {
    const other = randomUUID();
    await house.owner.query(
      `insert into serving.membership_changes (workspace_id, customer_id, strength, decided_at, by_promotion)
       select $1, gen_random_uuid(), 1, now(), false from generate_series(1, 5000)`, [other],
    );
    await house.owner.query('insert into serving.segment_sizes (workspace_id, segment_id, members) select $1, gen_random_uuid(), 1 from generate_series(1, 5000)', [other]);
    await house.owner.query(`update pg_class set reltuples = 7 where oid = 'serving.memberships'::regclass`);
    await served();
    const { rows } = await house.owner.query<{ name: string; rows: number; transactions: string[] | null }>(
      `select c.relname as name, c.reltuples::int as rows, (select array_agg(distinct s.xmin::text) from pg_statistic s where s.starelid = c.oid) as transactions from pg_class c
       where c.relnamespace = 'serving'::regnamespace and c.relname in ('memberships', 'membership_changes', 'segment_sizes') order by 1`,
    );
    const [changes, memberships, sizes] = rows;
    expect(memberships?.rows).toBe(7);
    expect([changes, sizes].filter((table) => (table?.rows ?? 0) >= 5_000)).toHaveLength(2);
    expect([changes?.transactions?.length, sizes?.transactions?.length]).toEqual([1, 1]);
    expect(changes?.transactions).not.toEqual(sizes?.transactions);
  });

  test('a shadow tells how far it is, ends with the counts, and the same again changes nothing', async () => {
    const workspace = await house.workspace();
    await house.track(workspace.id, (await house.customers(workspace.id, 2)).flatMap((id) => orders(id, 1)));
    const shadow = model();
    expect((await house.prepare(replica, workspace, shadow)).at(-1)).toEqual({ fraction: 1, customers: 2, completed: true });
    expect((await listed(workspace)).segments).toEqual([]);
    const { request, position } = await house.backfill(workspace.id, shadow);
    const again: serving.PrepareShadowResponse[] = [];
    const { customersSha256 } = (await house.owner.query<{ customersSha256: string }>('select customers_sha256 as "customersSha256" from serving.shadow_models where model_id = $1', [shadow.id])).rows[0] ?? { customersSha256: '' };
    for await (const response of replica.activation.prepareShadow({ ...request, position, customersSha256 }, workspace.service)) again.push(response);
    expect(again).toEqual([{ fraction: 1, customers: 2, completed: true }]);
  });

  test('a backfill that is not the file that was written is refused before it is read', async () => {
    const workspace = await house.workspace();
    await house.track(workspace.id, orders(await house.customer(workspace.id), 1));
    const shadow = model();
    const { request, position } = await house.backfill(workspace.id, shadow);
    await appendFile(fileURLToPath(request.customersUri), 'x');
    const prepare = async () => {
      for await (const _ of replica.activation.prepareShadow({ ...request, position }, workspace.service));
    };
    await expect(prepare()).rejects.toMatchObject({ reason: 'HASH_MISMATCH' });
    await expect(replica.activation.activate({ modelId: shadow.id, fence: 1 }, workspace.service)).rejects.toMatchObject({ reason: 'MODEL_NOT_PREPARED' });
  });

  test('an older promotion that comes late is refused', async () => {
    const { workspace, first } = await served();
    const second = await prepareSwapped(workspace, first);
    await replica.activation.activate({ modelId: second.id, fence: 5 }, workspace.service);
    await expect(replica.activation.activate({ modelId: first.id, fence: 4 }, workspace.service)).rejects.toMatchObject({ reason: 'STALE_FENCE' });
    await expect(replica.activation.activate({ modelId: first.id, fence: 5 }, workspace.service)).rejects.toMatchObject({ reason: 'STALE_FENCE' });
    expect(await replica.activation.activate({ modelId: second.id, fence: 5 }, workspace.service)).toMatchObject({ moved: 0 });
    expect(await active(workspace)).toMatchObject({ modelId: second.id, fence: 5 });
  });

  test('only services may activate', async () => {
    const { workspace, first } = await served(1);
    await expect(replica.activation.activate({ modelId: first.id, fence: 9 }, workspace.call)).rejects.toMatchObject({ reason: 'FORBIDDEN' });
  });

  test('no workspace sees anything of another', async () => {
    const { customers } = await served(1);
    const other = await house.workspace();
    expect(await membershipsOf(other, customers)).toMatchObject([{ known: false, memberships: [] }]);
    expect((await listed(other)).segments).toEqual([]);
  });
});

describe('a change of model', () => {
  test('segments that go on keep their id, name and lineage, and nobody moves for it', async () => {
    const { workspace, customers, first } = await served();
    const before = (await listed(workspace)).segments;
    const [was] = await membershipsOf(workspace, customers.slice(0, 1));
    const second = await prepareSwapped(workspace, first);
    expect(await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service)).toMatchObject({ moved: 0 });
    const after = (await listed(workspace)).segments;
    expect(after.map(({ id, name, size }) => [id, name, size])).toEqual(before.map(({ id, name, size }) => [id, name, size]));
    expect(after[0]?.lineage.map(({ kind, overlap: shared }) => [kind, shared])).toEqual([['LINEAGE_KIND_BORN', 0], ['LINEAGE_KIND_KEPT', 1]]);
    const [now] = await membershipsOf(workspace, customers.slice(0, 1));
    expect(now?.memberships[0]).toMatchObject({ since: was?.memberships[0]?.since, modelId: second.id });
  });

  test("a segment that is not continued is retired into a new one, and a person's name survives", async () => {
    const { workspace, first } = await served();
    const few = await idOf(workspace, 'Few orders');
    await replica.segments.renameSegment({ id: few, name: 'Occasional', description: undefined }, workspace.call);
    const second = model();
    const segments = [segment(0, 'Occasional'), segment(1, 'Many orders', [overlap(1, 0.9)]), segment(2, 'Quiet', [overlap(2, 0.9)])];
    await house.prepare(replica, workspace, second, { segments, championModelId: first.id });
    expect(await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service)).toMatchObject({ moved: 3 });
    expect(await namesAndSizes(workspace)).toEqual({ Occasional: 3, 'Many orders': 0, Quiet: 0 });
    const { segments: [retired] } = await replica.segments.getSegments({ ids: [few], modelId: '', asOf: undefined }, workspace.call);
    expect(retired).toMatchObject({ name: 'Occasional', renamed: true, size: 0 });
    expect(retired?.retiredAt).toBeDefined();
    expect(retired?.lineage.at(-1)).toMatchObject({ kind: 'LINEAGE_KIND_RETIRED', relatedSegmentIds: [await idOf(workspace, 'Occasional')] });

    // Back again: the person's name stands, and the other one gives way.
    await replica.activation.activate({ modelId: first.id, fence: 3 }, workspace.service);
    expect(await namesAndSizes(workspace)).toEqual({ Occasional: 3, 'Many orders': 0, 'Gone quiet': 0 });
    expect(await idOf(workspace, 'Occasional')).toBe(few);
  });

  test('events that arrive between the snapshot and the activation are in the new model afterwards', async () => {
    const { workspace, customers, first } = await served();
    const [one = '', two = ''] = customers;
    const second = await prepareSwapped(workspace, first);
    await house.track(workspace.id, orders(one, 2));
    await until(() => nameOf(workspace, one), (name) => name === SEGMENTS[MANY]);
    await house.track(workspace.id, orders(two, 2), { hint: false });
    await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service);
    await until(() => namesAndSizes(workspace), (sizes) => sizes['Many orders'] === 2 && sizes['Few orders'] === 1);
    expect(await active(workspace)).toMatchObject({ modelId: second.id, backlogEvents: 0 });
  });

  test('a rollback serves the former model, whose states then catch up with what they missed', async () => {
    const { workspace, customers, first } = await served();
    const [one = ''] = customers;
    const second = await prepareSwapped(workspace, first);
    await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service);
    const newcomer = await house.customer(workspace.id);
    await house.track(workspace.id, [...orders(one, 2), ...orders(newcomer, 3)]);
    await until(() => namesAndSizes(workspace), (sizes) => sizes['Many orders'] === 2);
    await replica.activation.activate({ modelId: first.id, fence: 3 }, workspace.service);
    const sizes = await until(() => namesAndSizes(workspace), (seen) => seen['Many orders'] === 2 && seen['Few orders'] === 2);
    expect(sizes).toEqual({ 'Many orders': 2, 'Few orders': 2, 'Gone quiet': 0 });
    await expectHistoryWithoutGaps(workspace);
  });
});

describe('lists and lookups', () => {
  test('pages of members join up without loss, strongest first, and their count is the size', async () => {
    const workspace = await house.workspace();
    const customers = await house.customers(workspace.id, 7);
    await house.track(workspace.id, customers.map((customerId, index) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY, properties: { strength: 0.6 + (index % 3) / 10 } })));
    const first = model();
    await house.prepare(replica, workspace, first);
    await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
    const segmentId = await idOf(workspace, 'Few orders');
    const seen: { customerId: string; strength: number }[] = [];
    for (let after = ''; ; ) {
      const { members, pageInfo } = await membersOf(replica, workspace, segmentId, { first: 2, after, order: serving.MemberOrder.STRENGTH });
      expect(pageInfo?.totalCount).toBe(7);
      seen.push(...members.map(({ customerId, membership }) => ({ customerId, strength: membership?.strength ?? 0 })));
      after = pageInfo?.endCursor ?? '';
      if (!pageInfo?.hasNextPage) break;
    }
    expect(seen.map(({ customerId }) => customerId).toSorted()).toEqual(customers);
    expect(seen.map(({ strength }) => strength)).toEqual(seen.map(({ strength }) => strength).toSorted((a, b) => b - a));
  });

  test('places come with the segments they are in, each once and brief, and a name that a person gave is in the next answer', async () => {
    const { workspace, customers } = await served();
    const whole = (await listed(workspace)).segments;
    const briefly = (segment?: serving.Segment) => ({ ...segment, traits: [], typicalCustomerIds: [], lineage: [], rule: undefined });
    expect(whole.every(({ traits, lineage }) => traits.length > 0 && lineage.length > 0)).toBe(true);
    expect((await listed(workspace, { brief: true })).segments).toEqual(whole.map(briefly));
    const { segments, basis } = await replica.memberships.getCustomerMemberships({ customerIds: customers }, workspace.call);
    expect(segments).toEqual([briefly(whole.find(({ name }) => name === 'Few orders'))]);
    expect(basis).toMatchObject({ placed: 3, unseen: 0 });
    await replica.segments.renameSegment({ id: segments[0]?.id ?? '', name: 'Regulars', description: undefined }, workspace.call);
    expect((await replica.memberships.getCustomerMemberships({ customerIds: customers }, workspace.call)).segments.map(({ name }) => name)).toEqual(['Regulars']);
    expect((await replica.memberships.getCustomerMemberships({ customerIds: [randomUUID()] }, workspace.call)).segments).toEqual([]);
  });

  test('a name is taken once, whatever its case, and what nobody knows cannot be renamed', async () => {
    const { workspace } = await served(1);
    const id = await idOf(workspace, 'Few orders');
    const rename = (request: Partial<serving.RenameSegmentRequest>) =>
      replica.segments.renameSegment({ id, name: '', description: undefined, ...request }, workspace.call);
    await expect(rename({ name: 'many ORDERS' })).rejects.toMatchObject({ reason: 'NAME_TAKEN' });
    await expect(rename({ id: randomUUID(), name: 'x' })).rejects.toMatchObject({ reason: 'SEGMENT_UNKNOWN' });
    await expect(rename({ name: '  ' })).rejects.toMatchObject({ reason: 'NAME_INVALID' });
    expect((await rename({ name: 'Rare', description: 'Seldom' })).segment).toMatchObject({ id, name: 'Rare', description: 'Seldom', renamed: true, size: 1 });
  });

  test('each model tells how it draws a segment, and a shadow can be looked at before it is served', async () => {
    const { workspace, first } = await served();
    const second = await prepareSwapped(workspace, first);
    const id = await idOf(workspace, 'Few orders');
    const other = await idOf(workspace, 'Many orders');
    const versions = async (segmentIds: string[], page: { first: number; after: string } | undefined, withTotal = true) =>
      (await replica.segments.listVersionsOfSegments({ segmentIds, page, withTotal }, workspace.call)).segments;
    const [[mine], [ofOther]] = [await versions([id], undefined), await versions([other], undefined)];
    expect(mine?.versions.map(({ modelId }) => modelId)).toEqual([second.id, first.id]);
    expect(mine?.pageInfo?.totalCount).toBe(2);
    const several = [other, 'no id', id];
    expect(await versions(several, { first: 9, after: '' })).toEqual([ofOther, expect.objectContaining({ versions: [] }), mine]);
    const [, , cut] = await versions(several, { first: 1, after: '' }, false);
    expect([cut?.versions, cut?.pageInfo?.hasNextPage, cut?.pageInfo?.totalCount]).toEqual([mine?.versions.slice(0, 1), true, 0]);
    expect((await versions(several, { first: 1, after: cut?.pageInfo?.endCursor ?? '' })).at(-1)?.versions).toEqual(mine?.versions.slice(1));
    const shadow = await listed(workspace, { modelId: second.id });
    expect(shadow.segments.map(({ name, size, modelId }) => [name, size, modelId])).toContainEqual(['Few orders', 3, second.id]);
  });

  test('the map is an even sample, the same each time', async () => {
    const { workspace } = await served(12);
    const sample = (count: number) => replica.segments.getCustomerMap({ sample: count }, workspace.call);
    const some = await sample(5);
    expect(some.points).toHaveLength(5);
    expect(some.population).toBe(12);
    expect((await sample(5)).points).toEqual(some.points);
    expect((await sample(12)).points.slice(0, 5)).toEqual(some.points);
  });

  test('similar customers are those with the nearest embeddings', async () => {
    const workspace = await house.workspace();
    const [one = '', two = '', three = ''] = await house.customers(workspace.id, 3);
    await house.track(workspace.id, [...orders(one, 5), ...orders(two, 4), { customerId: three, name: 'Product Viewed', at: Date.now() - 20 * DAY }]);
    const first = model();
    await house.prepare(replica, workspace, first);
    await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
    const customers = await similarTo(replica, workspace, one, 5);
    expect(customers.map(({ customerId }) => customerId)).toEqual([two, three]);
    expect(customers[0]?.similarity).toBeGreaterThan(0.99);
    expect(customers[1]?.similarity).toBeLessThan(0.95);
  });

  test('a count can be asked for as of a time', async () => {
    const { workspace, customers } = await served();
    const { asOf } = await replica.memberships.getCustomerMemberships({ customerIds: [] }, workspace.call);
    await house.track(workspace.id, orders(customers[0] ?? '', 2));
    await until(() => namesAndSizes(workspace), (sizes) => sizes['Many orders'] === 1);
    const then = await listed(workspace, { asOf });
    expect(Object.fromEntries(then.segments.map(({ name, size }) => [name, size]))).toEqual({ 'Few orders': 3, 'Many orders': 0, 'Gone quiet': 0 });
    expect(then.segments[0]?.asOf).toBe(asOf);
  });
});

/** Each customer's rows follow one another to the microsecond, and the kept sizes are the counted ones. */
async function expectHistoryWithoutGaps(workspace: TestWorkspace): Promise<void> {
  const { rows: gaps } = await house.owner.query(
    `select * from (
       select customer_id, since, until, lead(since) over w as next, row_number() over (partition by customer_id order by id desc) as age
       from serving.memberships where workspace_id = $1 window w as (partition by customer_id order by id)) as h
     where (age = 1 and until is not null) or (age > 1 and (until is null or until <> next))`,
    [workspace.id],
  );
  expect(gaps).toEqual([]);
  const { rows: miscounted } = await house.owner.query(
    `select * from (select segment_id, members from serving.segment_sizes where workspace_id = $1 and members > 0) as kept
     full join (select coalesce(segment_id, '00000000-0000-0000-0000-000000000000') as segment_id, count(*) as members
       from serving.memberships where workspace_id = $1 and until is null group by 1) as counted using (segment_id, members)
     where kept.segment_id is null or counted.segment_id is null`,
    [workspace.id],
  );
  expect(miscounted).toEqual([]);
}
