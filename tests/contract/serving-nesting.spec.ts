import { forgetting, rule, serving, worker } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { publicId } from '../../apps/serving/src/page/public-id.js';
import { HERE, LOTS, MANY, SOME } from './score-worker.fake.js';
import { family, membersOf, model, orders, ServingHouse, type ServingReplica, type TestModel, type TestWorkspace, until } from './serving-house.js';

const DAY = 86_400_000;
const { COARSER, MAIN, FINER } = worker.SegmentLevel;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '300' });
});
afterAll(() => house.close());

/** Customers who ordered once, twice … as often as there are of them, and one whom nobody has seen the like of. */
async function shop(count = 8): Promise<{ workspace: TestWorkspace; customers: string[]; first: TestModel }> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, count + 1);
  await house.track(workspace.id, customers.flatMap((id, index) => (index === count ? [{ customerId: id, name: 'Alien', at: Date.now() - DAY }] : orders(id, index + 1))));
  const first = model('family');
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, customers, first };
}

const listed = (workspace: TestWorkspace, level: worker.SegmentLevel, modelId = '') =>
  replica.segments.listSegments({ page: undefined, kind: serving.SegmentKind.UNSPECIFIED, modelId, asOf: undefined, level, brief: false }, workspace.call);
const sizes = async (workspace: TestWorkspace, level: worker.SegmentLevel) =>
  Object.fromEntries((await listed(workspace, level)).segments.map(({ name, size }) => [name, size]));
async function idOf(workspace: TestWorkspace, name: string): Promise<string> {
  const levels = await Promise.all([COARSER, MAIN, FINER].map((level) => listed(workspace, level)));
  return levels.flatMap(({ segments }) => segments).find((segment) => segment.name === name)?.id ?? '';
}

/** Customers that are in a part and not in the whole, or in a divided whole and in no part; and sizes that are not the count of members. */
async function broken(workspace: TestWorkspace): Promise<unknown[]> {
  const { rows } = await house.owner.query(
    `with current as (
       select m.*, f.level as part_level, w.segment_id as whole_of_part, exists (
         select from serving.segment_versions c where c.workspace_id = v.workspace_id and c.model_id = v.model_id and c.parent_index = v.segment_index) as is_divided
       from serving.memberships m join serving.active_model a using (workspace_id)
       left join serving.segment_versions v on v.workspace_id = m.workspace_id and v.model_id = a.model_id and v.segment_id = m.segment_id
       left join serving.segment_versions f on f.workspace_id = m.workspace_id and f.model_id = a.model_id and f.segment_id = m.finer_segment_id
       left join serving.segment_versions w on w.workspace_id = m.workspace_id and w.model_id = a.model_id and w.segment_index = f.parent_index
       where m.workspace_id = $1 and m.until is null)
     select customer_id::text as what from current where whole_of_part is distinct from (case when is_divided then segment_id end)
     union all
     select z.segment_id::text from serving.segment_sizes z where z.workspace_id = $1 and z.members <> (
       select count(*) from current where z.segment_id in (coalesce(segment_id, '00000000-0000-0000-0000-000000000000'), finer_segment_id))`,
    [workspace.id],
  );
  return rows;
}

test('every level has everyone, and a whole counts what its parts count', async () => {
  const { workspace } = await shop();
  expect(await sizes(workspace, MAIN)).toEqual({ 'Few orders': 2, 'Many orders': 6, 'Gone quiet': 0 });
  expect(await sizes(workspace, COARSER)).toEqual({ Here: 8, 'Gone quiet': 0 });
  expect(await sizes(workspace, FINER)).toEqual({ 'Few orders': 2, 'Some orders': 3, 'Lots of orders': 3, 'Gone quiet': 0 });
  for (const level of [COARSER, MAIN, FINER]) expect((await listed(workspace, level)).population).toBe(9);
  const { segments } = await listed(workspace, MAIN);
  const here = await idOf(workspace, 'Here');
  expect(segments.map(({ name, parentId, childIds }) => [name, parentId === here, childIds.length])).toEqual([
    ['Many orders', true, 2], ['Few orders', true, 0], ['Gone quiet', false, 0],
  ]);
});

test('the segments of several models are those of each of them, on every level, page by page', async () => {
  const { workspace, customers, first } = await shop();
  const second = model('family');
  await house.prepare(replica, workspace, second);
  await house.track(workspace.id, orders(customers[0] ?? '', 4));
  await until(() => sizes(workspace, MAIN), (counted) => counted['Many orders'] === 7);
  const unknown = model().id;
  const modelIds = [second.id, 'no id', first.id, unknown, second.id];
  for (const level of [COARSER, MAIN, FINER]) {
    for (let after = '', rows = 2, more = true; more; ) {
      const page = { first: rows, after };
      const alone = (modelId: string) => replica.segments.listSegments({ page, kind: serving.SegmentKind.UNSPECIFIED, modelId, asOf: undefined, level, brief: true }, workspace.call);
      const { models } = await replica.segments.listSegmentsOfModels({ modelIds, page, level }, workspace.call);
      const each = await Promise.all(modelIds.map(async (modelId) => ({ modelId, alone: await alone(modelId) })));
      // When nobody knows a model, and when the served one is asked, they are counted as of now.
      const counted = ({ basis, segments, ...rest }: { basis: serving.ModelSegments['basis']; segments: serving.Segment[] } & Pick<serving.ModelSegments, 'modelId' | 'pageInfo'>) =>
        ({ ...rest, basis: { ...basis, asOf: '' }, segments: segments.map((segment) => ({ ...segment, asOf: '' })) });
      expect(models.map(counted)).toEqual(each.map(({ modelId, alone: { segments, pageInfo, basis } }) => counted({ modelId, segments, pageInfo, basis })));
      expect([models[0]?.basis?.asOf, models[0]?.segments.length, models[1]?.segments]).toEqual([each[0]?.alone.basis?.asOf, expect.any(Number), []]);
      [after, more] = [models[0]?.pageInfo?.endCursor ?? '', models[0]?.pageInfo?.hasNextPage ?? false];
    }
  }
});

test('nesting holds for every customer whatever comes, and no count drifts', async () => {
  const { workspace, customers } = await shop();
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  let events = 37;
  for (let round = 0; round < 12; round++) {
    const batch = Array.from({ length: 1 + random(6) }, () => ({
      customerId: customers[random(customers.length)] ?? '',
      name: random(9) === 0 ? 'Alien' : 'Order Completed',
      at: Date.now() - random(40) * DAY,
      properties: { strength: random(10) / 10 },
    }));
    events += batch.length;
    await house.track(workspace.id, batch);
    await until(
      async () => (await house.owner.query<{ sum: number }>(`select sum(events)::float8 as sum from serving.customer_states where workspace_id = $1`, [workspace.id])).rows[0]?.sum,
      (sum) => sum === events,
    );
    expect(await broken(workspace)).toEqual([]);
  }
});

test('a move between parts of one segment is no change of the segment', async () => {
  const { workspace, customers } = await shop(5);
  const customer = customers[4] ?? '';
  const lots = await idOf(workspace, 'Lots of orders');
  const placeOf = async () => (await replica.memberships.getCustomerMemberships({ customerIds: [customer] }, workspace.call)).customers[0]?.memberships[0];
  const before = await placeOf();
  await house.track(workspace.id, orders(customer, 1));
  const after = await until(placeOf, (place) => place?.finerSegmentId === lots);
  expect([after?.segmentId, after?.since]).toEqual([before?.segmentId, before?.since]);
  const { changes } = await replica.memberships.listMembershipChanges({ customerId: customer, segmentId: '', page: undefined }, workspace.call);
  expect(changes).toHaveLength(1);
  expect(await broken(workspace)).toEqual([]);
});

test.each([serving.MemberOrder.ID, serving.MemberOrder.STRENGTH])('the members of a coarser segment are those of its parts, in order %s over all of them, page by page', async (order) => {
  const { workspace, customers } = await shop();
  for (const [name, expected] of [['Here', customers.slice(0, 8)], ['Lots of orders', customers.slice(5, 8)], ['Few orders', customers.slice(0, 2)]] as const) {
    const segmentId = await idOf(workspace, name);
    const seen: string[] = [];
    for (let after = '', more = true; more; ) {
      const { members, pageInfo } = await membersOf(replica, workspace, segmentId, { first: 3, after, order });
      expect(pageInfo?.totalCount).toBe(expected.length);
      expect(members.every(({ membership }) => membership?.segmentId === segmentId)).toBe(true);
      seen.push(...members.map(({ customerId }) => customerId));
      [after, more] = [pageInfo?.endCursor ?? '', pageInfo?.hasNextPage ?? false];
    }
    expect(seen.toSorted()).toEqual(expected.toSorted());
  }
});

test('pages of the members of several segments are those of each of them, on whatever level, and of a model that is not served', async () => {
  const { workspace, customers } = await shop();
  const shadow = model('family');
  await house.prepare(replica, workspace, shadow);
  const several = async (segmentIds: string[], modelId: string, page: { first: number; after: string }, order = serving.MemberOrder.ID) =>
    (await replica.segments.listMembersOfSegments({ segmentIds, modelId, page, order }, workspace.call)).segments;
  const { ID, STRENGTH } = serving.MemberOrder;
  for (const [modelId, order] of [['', ID], ['', STRENGTH], [shadow.id, ID], [shadow.id, STRENGTH]] as const) {
    const drawn = (await Promise.all([COARSER, MAIN, FINER].map((level) => listed(workspace, level, modelId)))).flatMap(({ segments }) => segments);
    const ids = ['Here', 'Lots of orders', 'Few orders'].map((wanted) => drawn.find(({ name }) => name === wanted)?.id ?? '');
    for (const first of [1, 3, 100]) {
      const page = { first, after: '' };
      const each = await Promise.all(ids.map((segmentId) => several([segmentId], modelId, page, order)));
      expect(await several(ids, modelId, page, order)).toEqual(each.flat());
    }
    const [here] = await several(ids, modelId, { first: 1, after: '' }, order);
    const [rest] = await several(ids.slice(0, 1), modelId, { first: 100, after: here?.pageInfo?.endCursor ?? '' }, order);
    const seen = [...(here?.members ?? []), ...(rest?.members ?? [])].map(({ customerId }) => customerId);
    expect([seen.length > 1, here?.pageInfo?.totalCount, new Set(seen).size]).toEqual([true, seen.length, seen.length]);
    if (modelId === '') expect(seen.toSorted()).toEqual(customers.slice(0, 8).toSorted());
  }
  const [nobody, , mixed] = await several(['no id', shadow.id, (await idOf(workspace, 'Few orders')).toUpperCase()], '', { first: 9, after: '' });
  expect([nobody?.members, mixed?.members.length]).toEqual([[], 2]);
});

test('whoever moves within a coarser segment is not told to have come or gone; whoever leaves it is', async () => {
  const { workspace, customers } = await shop(3);
  const [here, many] = [await idOf(workspace, 'Here'), await idOf(workspace, 'Many orders')];
  const [customer = ''] = customers;
  const told = async (segmentId: string) =>
    (await replica.memberships.listMembershipChanges({ customerId: customer, segmentId, page: undefined }, workspace.call)).changes;
  await house.track(workspace.id, orders(customer, 3));
  await until(() => told(many), (changes) => changes.length === 1);
  expect(await told(here)).toHaveLength(1); // when the model was first served
  await house.track(workspace.id, [{ customerId: customer, name: 'Alien', at: Date.now() }]);
  const changes = await until(() => told(here), ({ length }) => length === 2);
  expect(changes[0]).toMatchObject({ fromSegmentId: many, toSegmentId: '' });
});

test('coarser and finer segments keep their ids across models, and their lineage says so', async () => {
  const { workspace, first } = await shop();
  const ids = async () => Object.fromEntries(await Promise.all(['Here', 'Some orders', 'Lots of orders', 'Many orders'].map(async (name) => [name, await idOf(workspace, name)] as const)));
  const before = await ids();
  const second = model('family');
  const overlaps = (index: number): worker.SegmentOverlap[] => [{ championIndex: index, jaccard: 1, shareOfNew: 1, shareOfChampion: 1, matched: true }];
  const segments = family().map((one) => ({ ...one, overlaps: one.index === SOME ? [] : overlaps(one.index) }));
  await house.prepare(replica, workspace, second, { championModelId: first.id, segments });
  await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service);
  const after = await ids();
  expect(after).toEqual({ ...before, 'Some orders': after['Some orders'] });
  expect(after['Some orders']).not.toBe(before['Some orders']);
  const { segments: told } = await replica.segments.getSegments({ ids: [...Object.values(after), before['Some orders'] ?? ''], modelId: '', asOf: undefined }, workspace.call);
  const lives = Object.fromEntries(told.map(({ id, lineage }) => [id, lineage.map(({ kind }) => kind.replace('LINEAGE_KIND_', ''))]));
  expect(lives).toEqual({
    [after['Here'] ?? '']: ['BORN', 'KEPT'],
    [after['Many orders'] ?? '']: ['BORN', 'KEPT'],
    [after['Lots of orders'] ?? '']: ['BORN', 'KEPT'],
    [after['Some orders'] ?? '']: ['SPLIT'],
    [before['Some orders'] ?? '']: ['BORN', 'RETIRED'],
  });
  expect(await broken(workspace)).toEqual([]);
  expect((await listed(workspace, FINER, first.id)).segments.map(({ size }) => size)).toEqual([3, 3, 2, 0]);
});

test('a forgotten customer is counted on no level', async () => {
  const { workspace, customers } = await shop();
  const forgettings = connect(forgetting.ForgettingServiceService, replica.address);
  await forgettings.forgetCustomers({ customerIds: [customers[7] ?? '', customers[0] ?? ''] }, workspace.service);
  forgettings.close();
  expect(await sizes(workspace, FINER)).toEqual({ 'Few orders': 1, 'Some orders': 3, 'Lots of orders': 2, 'Gone quiet': 0 });
  expect(await broken(workspace)).toEqual([]);
});

test('a segment comes with its rule, and so do its versions', async () => {
  const workspace = await house.workspace();
  const [customer = ''] = await house.customers(workspace.id, 1);
  await house.track(workspace.id, orders(customer, 4));
  const given: rule.SegmentRule = {
    text: 'At least 3 orders so far.', fidelity: 0.93, precision: 0.9, recall: 0.96, balancedAccuracy: 0.95, faithful: true,
    conditions: [{ trait: 'main_count', operator: rule.RuleOperator.AT_LEAST, value: 3, unit: 'times', text: 'At least 3 orders so far' }],
  };
  const drawn = model('family');
  await house.prepare(replica, workspace, drawn, { segments: family().map((one) => (one.index === MANY ? { ...one, rule: given } : one)) });
  await replica.activation.activate({ modelId: drawn.id, fence: 1 }, workspace.service);
  const id = await idOf(workspace, 'Many orders');
  const { segments } = await replica.segments.getSegments({ ids: [id], modelId: '', asOf: undefined }, workspace.call);
  expect(segments[0]?.rule).toEqual(given);
  const { segments: [history] } = await replica.segments.listVersionsOfSegments({ segmentIds: [id], page: undefined, withTotal: false }, workspace.call);
  expect(history?.versions[0]?.rule).toEqual(given);
});

test('a backfill that names a part which the model does not draw is refused', async () => {
  const workspace = await house.workspace();
  const [customer = ''] = await house.customers(workspace.id, 1);
  await house.track(workspace.id, orders(customer, 9));
  const segments = family().filter(({ index }) => index !== LOTS && index !== HERE).map((one) => ({ ...one, parentIndex: one.index === SOME ? MANY : undefined }));
  await expect(house.prepare(replica, workspace, model('family'), { segments })).rejects.toMatchObject({ reason: 'BACKFILL_INVALID' });
});

test('a webhook for a coarser or finer segment is refused, with what to name instead', async () => {
  const { workspace } = await shop(4);
  const segmentIds = [await idOf(workspace, 'Here')];
  await expect(replica.webhooks.createWebhook({ url: 'https://example.com/', segments: { segmentIds }, events: undefined }, workspace.admin)).rejects.toMatchObject({
    reason: 'SEGMENT_NOT_MAIN', message: expect.stringMatching(`^segmentIds: "Here" \\(${publicId('Segment', segmentIds[0] ?? '')}\\) is coarser or finer`),
  });
});
