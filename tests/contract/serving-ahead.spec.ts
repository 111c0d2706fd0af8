// Events that are dated ahead, as far as the intake lets them be: states hold them, and nobody's membership begins tomorrow for it.
import type { serving } from '#libs/contracts';

import { model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const HOUR = 3_600_000;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
});
afterAll(() => house.close());

const memberships = async ({ call }: TestWorkspace, customerIds: string[]) =>
  (await replica.memberships.getCustomerMemberships({ customerIds }, call)).customers.map((one) => one.memberships);
const segmentOf = (held: readonly serving.Membership[][]) => held.map(([one]) => one?.segmentId ?? '');

/** What is told now, and what is told as of a moment ago. */
async function expectNoneAhead(workspace: TestWorkspace, customerIds: string[]): Promise<string[]> {
  const held = await memberships(workspace, customerIds);
  const now = Date.now();
  for (const { since } of held.flat()) expect(Date.parse(since ?? '')).toBeLessThanOrEqual(now);
  const past = await replica.history.getPastMemberships({ customerIds, asOf: new Date(now).toISOString() }, workspace.call);
  expect(segmentOf(past.customers.map((one) => one.memberships))).toEqual(segmentOf(held));
  return segmentOf(held);
}

test('one customer’s event of tomorrow begins nobody’s membership tomorrow: not theirs, not that of others beside them, not by a promotion', async () => {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 3);
  const [ahead = '', mover = '', other = ''] = customers;
  const order = (customerId: string, at: number) => ({ customerId, name: 'Order Completed', at });
  await house.track(workspace.id, [order(mover, Date.now() - HOUR), order(other, Date.now() - HOUR)]);
  const first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  const [few] = segmentOf(await memberships(workspace, [mover]));

  await house.track(workspace.id, [order(ahead, Date.now() + 20 * HOUR), order(mover, Date.now()), order(mover, Date.now())]);
  const moved = await until(() => memberships(workspace, [mover, ahead]), (held) => held.every((one) => one.length === 1) && segmentOf(held)[0] !== few);
  expect(segmentOf(moved)[1]).toBe(few);
  const before = await expectNoneAhead(workspace, customers);

  const second = model('swapped');
  await house.prepare(replica, workspace, second);
  await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service);
  const after = await until(() => memberships(workspace, customers), (held) => segmentOf(held).every((id, at) => id !== before[at]));
  expect(after.flat()).toHaveLength(3);
  await expectNoneAhead(workspace, customers);
  const { rows } = await house.owner.query<{ ahead: number }>('select count(*)::int as ahead from serving.membership_changes where workspace_id = $1 and decided_at > now()', [workspace.id]);
  expect(rows).toEqual([{ ahead: 0 }]);
});
