import { randomUUID } from 'node:crypto';

import { partitionOf } from '../../apps/serving/src/lease/partition.js';
import { performed, rule } from './defining.js';
import { ServingHouse, type TestWorkspace, until } from './serving-house.js';

const DAY = 86_400_000;
/** Renews five times a second. */
const BRISK = { FEED_POLL_MS: '50', LEASE_SECONDS: '1' };

let house: ServingHouse;
beforeAll(async () => {
  house = await ServingHouse.open();
});
afterEach(() => Promise.all(house.running.map((replica) => replica.stop())));
afterAll(() => house.close());

const ordered = rule('Ordered', performed('Order Completed', 30, { atLeast: 1 }));

async function membersOf({ id }: TestWorkspace, segmentId: string): Promise<string[]> {
  const { rows } = await house.owner.query<{ id: string }>(
    'select customer_id as id from serving.memberships where workspace_id = $1 and segment_id = $2 and until is null order by 1', [id, segmentId],
  );
  return rows.map((row) => row.id);
}

const holders = async ({ id }: TestWorkspace) =>
  (await house.owner.query<{ share: number }>('select count(*)::int as share from serving.partition_leases where workspace_id = $1 and replica_id is not null group by replica_id', [id])).rows.map(({ share }) => share);

test('rules are followed for the partitions that a replica leases, and for those of one that dies within the time of a lease', async () => {
  const replica = await house.start(BRISK);
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 48);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - 60 * DAY })));
  await until(() => holders(workspace), (shares) => shares.join() === '8');
  const { definition: made } = await replica.definitions.createDefinedSegment(ordered, workspace.call);
  const segmentId = made?.segmentId ?? '';
  await until(() => replica.definitions.getSegmentDefinition({ segmentId }, workspace.call), ({ definition: seen }) => seen?.progress === 1);

  // Another replica lives and has the lower half; it does nothing, as one that was paused.
  const other = randomUUID();
  await house.owner.query(`insert into serving.replicas (id, lives_until) values ($1, now() + interval '1 hour')`, [other]);
  await house.owner.query('update serving.partition_leases set replica_id = $2, epoch = epoch + 1 where workspace_id = $1 and partition < 4', [workspace.id, other]);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed' })));
  const ours = customers.filter((id) => partitionOf(id) >= 4);
  expect(ours.length).toBeGreaterThan(0);
  expect(await until(() => membersOf(workspace, segmentId), (members) => members.length >= ours.length)).toEqual(ours);

  await house.owner.query(`update serving.replicas set lives_until = now() - interval '1 second' where id = $1`, [other]);
  expect(await until(() => membersOf(workspace, segmentId), (members) => members.length === customers.length)).toEqual(customers);
  const { rows } = await house.owner.query<{ told: number }>('select count(*)::int as told from serving.membership_changes where workspace_id = $1 and to_segment_id = $2', [workspace.id, segmentId]);
  expect(rows[0]?.told).toBe(customers.length);
});

test('two replicas that both follow rules tell each change once, whoever builds and whoever follows', async () => {
  const first = await house.start(BRISK);
  await house.start(BRISK);
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 48);
  await house.track(workspace.id, customers.slice(0, 24).map((customerId) => ({ customerId, name: 'Order Completed' })));
  await until(() => holders(workspace), (shares) => shares.join() === '4,4');
  const { definition: made } = await first.definitions.createDefinedSegment(ordered, workspace.call);
  const segmentId = made?.segmentId ?? '';
  await house.track(workspace.id, customers.slice(24).map((customerId) => ({ customerId, name: 'Order Completed' })));
  await until(() => membersOf(workspace, segmentId), (members) => members.length === customers.length);
  await until(() => first.definitions.getSegmentDefinition({ segmentId }, workspace.call), ({ definition: seen }) => seen?.progress === 1);
  const { rows } = await house.owner.query<{ told: number }>('select count(*)::int as told from serving.membership_changes where workspace_id = $1 and to_segment_id = $2', [workspace.id, segmentId]);
  expect(rows[0]?.told).toBe(customers.length);
});
