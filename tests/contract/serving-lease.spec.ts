import { model, ServingHouse, type ServingReplica, type TestEvent, until } from './serving-house.js';
import { expectRecomputed, statesOf } from './serving-states.js';

const DAY = 86_400_000;
/** Renews five times a second. */
const BRISK = { FEED_POLL_MS: '300', LEASE_SECONDS: '1' };
/** Renews once and then not for longer than any test takes: to the others, a replica that was paused. */
const PAUSED = { FEED_POLL_MS: '300', LEASE_SECONDS: '3000' };

let house: ServingHouse;
beforeAll(async () => {
  house = await ServingHouse.open();
});
afterEach(() => Promise.all(house.running.map((replica) => replica.stop())));
afterAll(() => house.close());

const order = (customerId: string): TestEvent => ({ customerId, name: 'Order Completed', at: Date.now() - DAY });

async function served(replica: ServingReplica, count: number) {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.map(order));
  const first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, customers, first };
}

/** How many partitions of a workspace each replica holds, and the highest epoch. */
async function leases(workspaceId: string): Promise<{ shares: number[]; epoch: number }> {
  const { rows } = await house.owner.query<{ partitions: number; epoch: number }>(
    `select count(*)::int as partitions, max(epoch)::int as epoch from serving.partition_leases
     where workspace_id = $1 and replica_id is not null group by replica_id order by 1`,
    [workspaceId],
  );
  return { shares: rows.map(({ partitions }) => partitions), epoch: Math.max(...rows.map(({ epoch }) => epoch)) };
}

const sharesOf = async (workspaceId: string) => (await leases(workspaceId)).shares;
const eventsIn = async (workspaceId: string) => (await statesOf(house, workspaceId)).reduce((sum, { events }) => sum + events, 0);

test('a replica that comes takes half of the partitions, and gives them back at once when it goes', async () => {
  const { workspace, customers, first } = await served(await house.start(BRISK), 24);
  await until(() => sharesOf(workspace.id), (shares) => shares.join() === '8');
  const second = await house.start(BRISK);
  await until(() => sharesOf(workspace.id), (shares) => shares.join() === '4,4');
  await house.track(workspace.id, customers.map(order));
  await until(() => eventsIn(workspace.id), (events) => events === 48);
  await second.stop();
  await until(() => sharesOf(workspace.id), (shares) => shares.join() === '8');
  await house.track(workspace.id, customers.map(order));
  await until(() => eventsIn(workspace.id), (events) => events === 72);
  await expectRecomputed(house, workspace.id, first.uri);
});

test('a replica that was paused while it scored cannot write what others have read since', async () => {
  const paused = await house.start(PAUSED);
  const { workspace, customers, first } = await served(paused, 24);
  await until(() => sharesOf(workspace.id), (shares) => shares.join() === '8');
  house.worker.beforeAnswer.hold();
  await house.track(workspace.id, customers.map(order));
  await house.worker.beforeAnswer.reached.next();
  await house.owner.query(`update serving.replicas set lives_until = now() - interval '1 second'`);
  await house.start(BRISK);
  // It took them all, for nobody else is known to live, and now asks the worker for the same events.
  await until(() => leases(workspace.id), ({ shares, epoch }) => shares.join() === '8' && epoch === 2);
  await house.worker.beforeAnswer.reached.next();
  house.worker.beforeAnswer.go();
  await until(() => eventsIn(workspace.id), (events) => events === 48);
  await house.track(workspace.id, customers.map(order));
  await until(() => eventsIn(workspace.id), (events) => events === 72);
  await expectRecomputed(house, workspace.id, first.uri);
});
