import type { serving } from '#libs/contracts';

import { MANY } from './score-worker.fake.js';
import { model, orders, ServingHouse, type ServingReplica, type TestEvent, type TestModel, type TestWorkspace, until } from './serving-house.js';
import { expectRecomputed, statesOf } from './serving-states.js';

const DAY = 86_400_000;
const CATCH_UP_SECONDS = 60;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '300' });
});
afterAll(() => house.close());


/* Of learned memberships: rows that do not begin where the one before ended, customers without a present one or with two, sizes that do not count, moves without a change. */
const FLAWS = `with spans as (
    select customer_id, segment_id, since, until, lead(since) over w as next, lag(segment_id) over w as former
    from serving.memberships where workspace_id = $1 and level = 0 window w as (partition by customer_id order by since, id)
  ), counted as (select segment_id, count(*) as members from spans where until is null and segment_id is not null group by 1)
  select (select count(*)::int from spans where next is distinct from until) as gaps,
    (select count(*)::int from (select from spans group by customer_id having count(*) filter (where until is null) <> 1) as flawed) as unended,
    (select count(*)::int from counted c left join serving.segment_sizes z on z.workspace_id = $1 and z.segment_id = c.segment_id where z.members is distinct from c.members) as miscounted,
    (select count(*)::int from spans where former is not null and former is distinct from segment_id)
      - (select count(*)::int from serving.membership_changes where workspace_id = $1 and from_segment_id is not null) as untold`;

/** A served model, and one beside it of the same snapshot, which has missed what came after it. */
async function withShadow(kind: Parameters<typeof model>[0], missed: (customers: string[]) => TestEvent[]) {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 6);
  await house.track(workspace.id, customers.flatMap((id) => orders(id, 1)));
  const [first, shadow] = [model(), model(kind)];
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  const { request: made, position } = await house.backfill(workspace.id, shadow);
  const request = { ...made, position };
  await prepare(workspace, request, 0);
  await house.track(workspace.id, missed(customers));
  await house.untilShown(workspace.id);
  await until(() => activeOf(workspace), ({ backlogEvents }) => backlogEvents === 0);
  return { workspace, customers, first, shadow, request };
}

const activeOf = (workspace: TestWorkspace) => replica.activation.getActiveModel({}, workspace.call);

async function eventsOf(workspace: TestWorkspace, { id }: TestModel): Promise<Record<string, number>> {
  const { rows } = await house.owner.query<{ customer: string; events: number }>(
    'select customer_id as customer, events::float8 as events from serving.customer_states where workspace_id = $1 and model_id = $2', [workspace.id, id],
  );
  return Object.fromEntries(rows.map(({ customer, events }) => [customer, events]));
}

async function prepare(workspace: TestWorkspace, request: serving.PrepareShadowRequest, catchUpSeconds = CATCH_UP_SECONDS) {
  const told = [];
  for await (const response of replica.activation.prepareShadow({ ...request, catchUpSeconds }, workspace.service)) told.push(response);
  return told;
}

describe('a model beside the served one', () => {
  test.each(['plain', 'window'] as const)('has taken in, once it is served, what came after its snapshot, late events too (%s)', async (kind) => {
    const { workspace, customers: [one = '', two = ''], shadow, request } = await withShadow(kind, ([one = '', two = '']) => [
      ...orders(one, 3), { customerId: two, name: 'Product Viewed', at: Date.now() - 5 * DAY },
    ]);
    const newcomer = await house.customer(workspace.id);
    await house.track(workspace.id, orders(newcomer, 3));
    await house.untilShown(workspace.id);
    expect(await prepare(workspace, request)).toContainEqual({ fraction: 1, customers: 6, completed: true });
    expect(await eventsOf(workspace, shadow)).toMatchObject({ [one]: 4, [two]: 2, [newcomer]: 3 });
    await replica.activation.activate({ modelId: shadow.id, fence: 2 }, workspace.service);
    expect(await activeOf(workspace)).toMatchObject({ modelId: shadow.id, backlogEvents: 0 });
    // At once, without anything that is waited for.
    expect(Object.fromEntries((await statesOf(house, workspace.id)).map(({ customer, index }) => [customer, index]))).toMatchObject({ [one]: MANY, [newcomer]: MANY });
    await expectRecomputed(house, workspace.id, shadow.uri);
  });

  test('takes in many events partition by partition, each whole, whoever has to be read anew among them', async () => {
    const many = 8_500;
    const { workspace, customers, shadow, request } = await withShadow('window', ([one = '', ...others]) => [
      ...orders(one, many), ...others.flatMap((id) => [...orders(id, 20), { customerId: id, name: 'Product Viewed', at: Date.now() - 5 * DAY }]),
    ]);
    const [one = '', ...others] = customers;
    await prepare(workspace, request);
    expect(await eventsOf(workspace, shadow)).toEqual({ [one]: many + 1, ...Object.fromEntries(others.map((id) => [id, 22])) });
    const { rows } = await house.owner.query('select count(distinct (position_horizon, position_sequence))::int as places from serving.partition_positions where workspace_id = $1 and model_id = $2', [workspace.id, shadow.id]);
    expect(rows).toEqual([{ places: 1 }]);
    await replica.activation.activate({ modelId: shadow.id, fence: 2 }, workspace.service);
    await expectRecomputed(house, workspace.id, shadow.uri);
  });

  test('takes in each event once, however they come while it follows and is switched to', async () => {
    const { workspace, customers, shadow, request } = await withShadow('plain', (all) => all.flatMap((id) => orders(id, 2)));
    let sent = customers.length * 3;
    const sending = (async () => {
      for (let round = 0; round < 20; round++) {
        const batch = customers.slice(round % 3).flatMap((id) => orders(id, 1));
        await house.track(workspace.id, batch, { hint: round % 2 === 0 });
        sent += batch.length;
      }
    })();
    await prepare(workspace, request);
    await replica.activation.activate({ modelId: shadow.id, fence: 2 }, workspace.service);
    await sending;
    await until(async () => Object.values(await eventsOf(workspace, shadow)).reduce((sum, events) => sum + events, 0), (sum) => sum === sent);
    await expectRecomputed(house, workspace.id, shadow.uri);
  });

  test('leaves no gap and no overlap in anybody\'s history, and counts that agree, however often everyone is switched while events come', async () => {
    const { workspace, customers, first, shadow } = await withShadow('swapped', () => []);
    const state = { isOver: false };
    const sending = (async () => {
      for (let round = 0; !state.isOver; round++) await house.track(workspace.id, customers.slice(round % 3).flatMap((id) => orders(id, 1)));
    })();
    const moved: number[] = [];
    for (let fence = 2; fence < 8; fence++) {
      moved.push((await replica.activation.activate({ modelId: (fence % 2 === 0 ? shadow : first).id, fence }, workspace.service)).moved);
    }
    state.isOver = true;
    await sending;
    await house.untilShown(workspace.id);
    await until(() => activeOf(workspace), ({ backlogEvents }) => backlogEvents === 0);
    expect(Math.max(...moved)).toBeGreaterThan(0);
    const { rows } = await house.owner.query(FLAWS, [workspace.id]);
    expect(rows).toEqual([{ gaps: 0, unended: 0, miscounted: 0, untold: 0 }]);
  });

  test('is followed by two at once to the same end', async () => {
    const { workspace, customers, shadow, request } = await withShadow('plain', (all) => all.flatMap((id) => orders(id, 3)));
    await Promise.all([prepare(workspace, request), prepare(workspace, request)]);
    expect(await eventsOf(workspace, shadow)).toEqual(Object.fromEntries(customers.map((id) => [id, 4])));
  });

  test('brings nobody back who is forgotten while it follows', async () => {
    const { workspace, customers, shadow, request } = await withShadow('plain', (all) => all.flatMap((id) => orders(id, 2)));
    const [gone = '', ...others] = customers;
    house.worker.beforeAnswer.hold();
    const followed = prepare(workspace, request);
    await house.worker.beforeAnswer.reached.next();
    await house.owner.query('delete from ingestion.events where workspace_id = $1 and subject_id = $2', [workspace.id, gone]);
    await replica.forgetting.forgetCustomers({ customerIds: [gone] }, workspace.service);
    house.worker.beforeAnswer.go();
    await followed;
    expect(await eventsOf(workspace, shadow)).toEqual(Object.fromEntries(others.map((id) => [id, 3])));
  });

  test('stays where it stands where no time is given, and so does the one that is served', async () => {
    const { workspace, customers, shadow, request } = await withShadow('plain', (all) => all.flatMap((id) => orders(id, 1)));
    expect(await prepare(workspace, request, 0)).toEqual([{ fraction: 1, customers: 6, completed: true }]);
    expect(await eventsOf(workspace, shadow)).toEqual(Object.fromEntries(customers.map((id) => [id, 1])));
    await replica.activation.activate({ modelId: shadow.id, fence: 2 }, workspace.service);
    expect(await prepare(workspace, request)).toEqual([{ fraction: 1, customers: 6, completed: true }]);
  });
});
