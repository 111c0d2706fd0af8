import { access, serving } from '#libs/contracts';

import { MANY, QUIET } from './score-worker.fake.js';
import { model, ServingHouse, type ServingReplica, type TestEvent, type TestWorkspace, until } from './serving-house.js';
import { expectRecomputed, statesOf } from './serving-states.js';

const DAY = 86_400_000;
const UNSEEN = -1;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '300', SCORE_DEADLINE_MS: '2000' });
});
afterAll(() => house.close());

const order = (customerId: string, at = Date.now() - DAY, properties = {}): TestEvent => ({ customerId, name: 'Order Completed', at, properties });

async function served(count = 1, kind: Parameters<typeof model>[0] = 'plain', clock = access.Clock.LIVE, at = Date.now() - 2 * DAY) {
  const workspace = await house.workspace(clock);
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.map((id) => order(id, at)));
  const first = model(kind);
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, customers, customer: customers[0] ?? '', first };
}

const states = (workspace: TestWorkspace) => statesOf(house, workspace.id);
const indexOf = async (workspace: TestWorkspace, customer: string) => (await states(workspace)).find((state) => state.customer === customer)?.index;
const eventsOf = async (workspace: TestWorkspace, customer: string) => (await states(workspace)).find((state) => state.customer === customer)?.events;
const backlog = async (workspace: TestWorkspace) => (await replica.activation.getActiveModel({}, workspace.call)).backlogEvents;
const idle = (workspace: TestWorkspace, events: number) =>
  until(async () => (await states(workspace)).reduce((sum, state) => sum + state.events, 0), (sum) => sum === events);

describe.each([['plain', 0], ['window', 1]] as const)('a model of the kind %s', (kind, leastRebuilds) => {
  test('what events did one by one equals what all of them do at once, late and shuffled ones too', async () => {
    const { workspace, customers, first } = await served(6, kind);
    const names = ['Order Completed', 'Product Viewed', 'Cart Viewed'];
    let sent = customers.length;
    for (let round = 0; round < 12; round++) {
      const events = customers.slice(round % 3).map((customerId, index) => ({
        customerId,
        name: names[(round + index) % 3] ?? '',
        // Times jump to and fro, so that some events are older than the last one applied.
        at: Date.now() - ((round * 7 + index * 3) % 10) * DAY,
      }));
      await house.track(workspace.id, events, { hint: round % 2 === 0 });
      sent += events.length;
    }
    expect(await idle(workspace, sent)).toBe(sent);
    await expectRecomputed(house, workspace.id, first.uri);
    expect(house.worker.rebuilds).toBeGreaterThanOrEqual(leastRebuilds);
  });
});

describe('events', () => {
  test('pages and screens are behaviour under the names that snapshots give them', async () => {
    const { workspace, customer } = await served(1, 'window');
    await house.track(workspace.id, [{ customerId: customer, type: 'page', name: 'Home' }, { customerId: customer, type: 'screen', name: 'Main', at: Date.now() + 1 }]);
    await until(() => eventsOf(workspace, customer), (events) => events === 3);
    const [state] = await states(workspace);
    expect(JSON.parse(state?.state.toString() ?? '{}')).toMatchObject({ trail: '>Order Completed>Page Viewed>Screen Viewed' });
  });

  test('none is missed when every hint is lost', async () => {
    const { workspace, customer } = await served();
    for (let i = 0; i < 3; i++) await house.track(workspace.id, [order(customer)], { hint: false });
    expect(await until(() => indexOf(workspace, customer), (index) => index === MANY)).toBe(MANY);
  });

  test('one that commits late, with an earlier place in its sequence, is not missed', async () => {
    const { workspace, customers } = await served(2);
    const [early = '', late = ''] = customers;
    const slow = await house.connection();
    await slow.query('begin');
    await house.track(workspace.id, [order(early)], { client: slow, hint: false });
    await house.track(workspace.id, [order(late)]);
    // The later one stays hidden until the earlier transaction has ended: nothing may slip before it.
    expect(await eventsOf(workspace, late)).toBe(1);
    await slow.query('commit');
    await slow.end();
    await until(async () => [await eventsOf(workspace, early), await eventsOf(workspace, late)], (events) => events.join() === '2,2');
  });

  test('a customer whom no model has read begins with their first event', async () => {
    const { workspace } = await served();
    const newcomer = await house.customer(workspace.id);
    await house.track(workspace.id, [order(newcomer)]);
    const [customer] = await until(
      async () => (await replica.memberships.getCustomerMemberships({ customerIds: [newcomer] }, workspace.call)).customers,
      ([seen]) => seen?.known === true,
    );
    expect(customer?.memberships).toHaveLength(1);
  });

  test('what is unlike anything seen has no segment and says so', async () => {
    const { workspace, customer } = await served();
    await house.track(workspace.id, [{ customerId: customer, name: 'Alien' }]);
    await until(() => indexOf(workspace, customer), (index) => index === UNSEEN);
    const { customers } = await replica.memberships.getCustomerMemberships({ customerIds: [customer] }, workspace.call);
    expect(customers[0]).toMatchObject({ known: true, memberships: [], novelty: 0.99 });
    const { population } = await replica.segments.listSegments(serving.ListSegmentsRequest.fromPartial({}), workspace.call);
    expect(population).toBe(1);
  });

  test('a borderline customer does not flicker, and moves when a second reading agrees', async () => {
    const { workspace, customer } = await served();
    await house.track(workspace.id, [order(customer, Date.now() - DAY), order(customer, Date.now() - DAY + 1, { strength: 0.5 })]);
    await until(() => eventsOf(workspace, customer), (events) => events === 3);
    expect(await indexOf(workspace, customer)).toBe(0);
    await house.track(workspace.id, [order(customer, Date.now(), { strength: 0.5 })]);
    await until(() => indexOf(workspace, customer), (index) => index === MANY);
  });

  test('an event that cannot be scored holds up nobody else, and its customer is read anew later', async () => {
    const { workspace, customers } = await served(2);
    const [poisoned = '', neighbour = ''] = customers;
    await house.track(workspace.id, [{ customerId: poisoned, name: 'Poison' }, order(neighbour), order(neighbour)]);
    await until(() => indexOf(workspace, neighbour), (index) => index === MANY);
    expect(await indexOf(workspace, poisoned)).toBe(0);
    await house.owner.query(`update ingestion.events set name = 'Product Viewed' where workspace_id = $1 and name = 'Poison'`, [workspace.id]);
    await house.track(workspace.id, [order(poisoned), order(poisoned)]);
    await until(() => indexOf(workspace, poisoned), (index) => index === MANY);
    expect(await eventsOf(workspace, poisoned)).toBe(4);
  });
});

describe('time', () => {
  test('a customer who goes quiet moves without an event', async () => {
    const { workspace, customer } = await served();
    // As if the state had been read a month ago, when the order was fresh.
    await house.owner.query(
      `update serving.customer_states set read_at = now() - interval '40 days', state = convert_to(jsonb_set(convert_from(state, 'UTF8')::jsonb, '{last}',
         to_jsonb(((extract(epoch from now()) - 41 * 86400) * 1000000)::bigint))::text, 'UTF8'), last_event_at = now() - interval '41 days' where workspace_id = $1`,
      [workspace.id],
    );
    expect(await until(() => indexOf(workspace, customer), (index) => index === QUIET)).toBe(QUIET);
  });

  test('a workspace that lives by its data reads everyone at the newest event, not at the wall clock', async () => {
    const at = Date.parse('2011-12-08T10:00:00Z');
    const { workspace, customers } = await served(2, 'plain', access.Clock.DATA, at);
    const [one = '', two = ''] = customers;
    expect(await indexOf(workspace, one)).toBe(0);
    const later = Date.parse('2011-12-09T12:00:00Z');
    await house.track(workspace.id, [order(one, later)]);
    // The other one is swept to the same time, for it passed in the data.
    await until(async () => (await states(workspace)).map(({ readAt }) => readAt), (times) => times.every((time) => time === later * 1_000));
    const { asOf } = await replica.memberships.getCustomerMemberships({ customerIds: [two] }, workspace.call);
    expect(asOf).toBe('2011-12-09T12:00:00.000Z');
  });
});

describe('a worker that is away', () => {
  test('events wait, lookups go on, and nothing is lost when it returns', async () => {
    const { workspace, customer } = await served();
    house.worker.kill();
    await house.track(workspace.id, [order(customer), order(customer)]);
    await until(() => backlog(workspace), (events) => events === 2);
    expect(await indexOf(workspace, customer)).toBe(0);
    expect((await replica.memberships.getCustomerMemberships({ customerIds: [customer] }, workspace.call)).customers[0]?.known).toBe(true);
    expect((await fetch(`${replica.http}/readyz`)).status).toBe(200);
    await house.worker.start();
    await until(() => indexOf(workspace, customer), (index) => index === MANY);
    expect(await backlog(workspace)).toBe(0);
  });

  test('one that answers nothing is given up after the deadline and asked again', async () => {
    const { workspace, customer } = await served();
    house.worker.beforeAnswer.hold();
    await house.track(workspace.id, [order(customer), order(customer)]);
    await house.worker.beforeAnswer.reached.next();
    await house.worker.beforeAnswer.reached.next();
    house.worker.beforeAnswer.go();
    await until(() => indexOf(workspace, customer), (index) => index === MANY);
    expect(await eventsOf(workspace, customer)).toBe(3);
  });

  test('what it answers under the fence of a former model is dropped', async () => {
    const { workspace, customer, first } = await served();
    const second = model('plain');
    await house.prepare(replica, workspace, second);
    house.worker.beforeAnswer.hold();
    await house.track(workspace.id, [order(customer), order(customer)]);
    await house.worker.beforeAnswer.reached.next();
    await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service);
    house.worker.beforeAnswer.go();
    await until(() => indexOf(workspace, customer), (index) => index === MANY);
    const { rows } = await house.owner.query<{ events: number }>('select events::float8 as events from serving.customer_states where model_id = $1', [first.id]);
    expect(rows).toEqual([{ events: 1 }]);
  });
});

describe('two replicas', () => {
  test('score each event once between them, and the other goes on when one ends', async () => {
    const other = await house.start({ FEED_POLL_MS: '300' });
    const { workspace, customers, first } = await served(4);
    await house.track(workspace.id, customers.map((id) => order(id)));
    await idle(workspace, 8);
    await other.stop();
    await house.track(workspace.id, customers.map((id) => order(id)));
    expect(await idle(workspace, 12)).toBe(12);
    await expectRecomputed(house, workspace.id, first.uri);
  });
});

describe('hints', () => {
  test('wake the reader at once: nothing waits for the next look', async () => {
    await Promise.all(house.running.map((one) => one.stop()));
    replica = await house.start({ FEED_POLL_MS: '600000' });
    const { workspace, customers } = await served(5);
    for (const customer of customers) {
      await house.track(workspace.id, [order(customer), order(customer)]);
      expect(await until(() => indexOf(workspace, customer), (index) => index === MANY)).toBe(MANY);
    }
  });
});
