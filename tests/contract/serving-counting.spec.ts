import { counting, serving, worker } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { performed, rule } from './defining.js';
import { membersOf, model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const HOUR = 3_600_000;
const { COARSER, MAIN, FINER } = worker.SegmentLevel;
const { MODEL, RULES, NOBODY } = counting.CountFollower;

let house: ServingHouse;
let replica: ServingReplica;
let counts: ReturnType<typeof connect<typeof counting.CountingServiceService>>;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
  counts = connect(counting.CountingServiceService, replica.address);
});
afterAll(async () => {
  counts.close();
  await house.close();
});

const order = (customerId: string, count = 1) => Array.from({ length: count }, () => ({ customerId, name: 'Order Completed' }));
const reach = ({ call }: TestWorkspace, follower = MODEL, modelId = '') => counts.getCountReach({ follower, modelId }, call);
const levels = ({ call }: TestWorkspace, modelId = '') =>
  Promise.all([COARSER, MAIN, FINER].map((level) => replica.segments.listSegments(serving.ListSegmentsRequest.fromPartial({ level, modelId }), call)));
const sum = (segments: readonly serving.Segment[]) => segments.reduce((total, { size }) => total + size, 0);

/** Four customers who were read, one of them unlike anything seen, and one who has done nothing that could be read. */
async function served(): Promise<{ workspace: TestWorkspace; customers: string[]; modelId: string }> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 5);
  const [few = '', many = '', lots = '', alien = ''] = customers;
  await house.track(workspace.id, [...order(few), ...order(many, 3), ...order(lots, 6), { customerId: alien, name: 'Alien' }]);
  const first = model('family');
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, customers, modelId: first.id };
}

/** On every level, who is in a segment, is unlike anything seen or was not read yet are all that there are. */
async function adds(workspace: TestWorkspace): Promise<{ placed: number; unseen: number; notYetRead: number }> {
  const lists = await levels(workspace);
  for (const { segments, basis, population } of lists) expect([sum(segments), population]).toEqual([basis?.placed, (basis?.placed ?? 0) + (basis?.unseen ?? 0)]);
  const { basis, customers } = await reach(workspace);
  const { placed = 0, unseen = 0 } = basis ?? {};
  return { placed, unseen, notYetRead: customers - placed - unseen };
}

test('on each level the segments, those unlike anything seen and those not yet read are all customers', async () => {
  const { workspace, modelId } = await served();
  const counted = await until(() => adds(workspace), ({ notYetRead }) => notYetRead === 1);
  expect(counted).toEqual({ placed: 3, unseen: 1, notYetRead: 1 });
  expect((await levels(workspace))[0]?.basis).toMatchObject({ modelId, placed: 3, unseen: 1 });
  const { rows } = await house.owner.query<{ known: number; read: number; placed: number }>(
    `select (select count(distinct customer_id)::int from ingestion.subject_customers where workspace_id = $1) as known,
       (select count(*)::int from serving.customer_states where workspace_id = $1) as read,
       (select count(*)::int from serving.memberships where workspace_id = $1 and level = 0 and until is null and segment_id is not null) as placed`,
    [workspace.id],
  );
  expect(rows).toEqual([{ known: 5, read: 4, placed: 3 }]);
});

test('they add up while customers come and move', async () => {
  const { workspace, customers } = await served();
  const coming = await house.customers(workspace.id, 12);
  for (const [at, customerId] of coming.entries()) {
    await house.track(workspace.id, [...order(customerId, at % 7), { customerId, name: at % 4 === 0 ? 'Alien' : 'Product Viewed' }, ...order(customers[0] ?? '')]);
    expect((await adds(workspace)).notYetRead).toBeGreaterThanOrEqual(1);
  }
  const settled = await until(() => adds(workspace), ({ notYetRead }) => notYetRead === 1);
  expect(settled).toEqual({ placed: 12, unseen: 4, notYetRead: 1 });
});

test('a count tells how many events are not in it and how long the oldest has been here, and none once they are taken in', async () => {
  const { workspace, customers } = await served();
  const caughtUp = await until(() => reach(workspace), ({ eventsBehind }) => eventsBehind === 0);
  expect(caughtUp.secondsBehind).toBe(0);
  const [newcomer = ''] = await house.customers(workspace.id, 1);
  house.worker.beforeAnswer.hold();
  await house.track(workspace.id, [...order(customers[0] ?? '', 2), ...order(newcomer)]);
  await house.worker.beforeAnswer.reached.next();
  const behind = await until(() => reach(workspace), ({ eventsBehind, customers: known }) => eventsBehind === 3 && known === 6);
  expect(behind.secondsBehind).toBeGreaterThan(0);
  expect(behind.basis).toMatchObject({ placed: 3, unseen: 1 });
  house.worker.beforeAnswer.go();
  const after = await until(() => reach(workspace), ({ eventsBehind, basis }) => eventsBehind === 0 && basis?.placed === 4);
  expect(after).toMatchObject({ secondsBehind: 0, basis: { placed: 4, unseen: 1 } });
  expect(Date.parse(after.basis?.newestEventAt ?? '')).toBeGreaterThan(Date.parse(caughtUp.basis?.newestEventAt ?? ''));
});

test('rules have followed events up to a place of their own, and where what is stored is counted nothing is behind', async () => {
  const { workspace } = await served();
  expect(await reach(workspace, RULES)).toEqual({ customers: 5, basis: { asOf: expect.any(String), modelId: '', placed: 0, unseen: 0 } });
  await replica.definitions.createDefinedSegment(rule('Twice', performed('Order Completed', 30, { atLeast: 2 })), workspace.call);
  const rules = await until(() => reach(workspace, RULES), ({ eventsBehind }) => eventsBehind === 0);
  expect(Date.parse(rules.basis?.newestEventAt ?? '')).toBeGreaterThan(Date.now() - HOUR);
  expect(await reach(workspace, NOBODY)).toEqual({ customers: 5, basis: { asOf: expect.any(String), modelId: '', placed: 0, unseen: 0 } });
  await expect(reach(workspace, counting.CountFollower.UNSPECIFIED)).rejects.toMatchObject({ reason: 'FOLLOWER_INVALID' });
});

describe('by a model that is not served', () => {
  test('there are as many members as it counts, on each level, and both are as of when it last read anybody', async () => {
    const { workspace, customers } = await served();
    const second = model('family');
    await house.prepare(replica, workspace, second);
    const [newcomer = ''] = await house.customers(workspace.id, 1);
    // What happens now goes past it, and who is read by the champion moves.
    await house.track(workspace.id, [...order(customers[0] ?? '', 2), ...order(newcomer)]);
    await until(() => reach(workspace), ({ basis }) => basis?.placed === 4);
    const lists = await levels(workspace, second.id);
    const drawn = [...new Map(lists.flatMap(({ segments }) => segments).map((segment) => [segment.id, segment])).values()];
    expect(drawn).toHaveLength(6);
    for (const { id, size, asOf } of drawn) {
      const { members, pageInfo, asOf: listedAt } = await membersOf(replica, workspace, id, { modelId: second.id });
      expect([pageInfo?.totalCount, members.length, listedAt]).toEqual([size, size, asOf]);
      expect(members.every(({ membership }) => membership === undefined)).toBe(true);
    }
    for (const { segments, basis } of lists) expect([sum(segments), basis?.modelId, basis?.unseen]).toEqual([3, second.id, 1]);
    expect(await reach(workspace, MODEL, second.id)).toMatchObject({ customers: 6, eventsBehind: 3, basis: { placed: 3, unseen: 1, asOf: drawn[0]?.asOf } });
  });

  test('its members are walked page by page, each once', async () => {
    const { workspace } = await served();
    const second = model('family');
    await house.prepare(replica, workspace, second);
    const here = (await levels(workspace, second.id))[0]?.segments.find(({ name }) => name === 'Here')?.id ?? '';
    const ids: string[] = [];
    let after = '';
    do {
      const page = await membersOf(replica, workspace, here, { modelId: second.id, first: 1, after });
      ids.push(...page.members.map(({ customerId }) => customerId));
      after = page.pageInfo?.hasNextPage ? page.pageInfo.endCursor : '';
    } while (after !== '');
    expect([ids.length, new Set(ids).size]).toEqual([3, 3]);
  });

  test('of the served one, asked for by name, they are the members, with their memberships', async () => {
    const { workspace, modelId } = await served();
    const few = (await levels(workspace, modelId))[1]?.segments.find(({ name }) => name === 'Few orders');
    const { members, pageInfo } = await membersOf(replica, workspace, few?.id ?? '', { modelId });
    expect([few?.size, pageInfo?.totalCount]).toEqual([1, 1]);
    expect(members[0]?.membership).toMatchObject({ modelId });
  });

  test('a model that nobody knows draws nothing and has read nobody', async () => {
    const { workspace } = await served();
    const { id } = model();
    expect((await levels(workspace, id)).map(({ segments }) => segments)).toEqual([[], [], []]);
    expect((await membersOf(replica, workspace, id, { modelId: id })).members).toEqual([]);
    expect(await reach(workspace, MODEL, id)).toEqual({ customers: 5, basis: { asOf: expect.any(String), modelId: '', placed: 0, unseen: 0 } });
  });
});

test('before any model is served everyone is still to be read', async () => {
  const workspace = await house.workspace();
  await house.customers(workspace.id, 2);
  expect(await reach(workspace)).toEqual({ customers: 2, basis: { asOf: expect.any(String), modelId: '', placed: 0, unseen: 0 } });
});
