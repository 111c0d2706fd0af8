import { serving } from '#libs/contracts';

import { MANY } from './score-worker.fake.js';
import { model, orders, segment, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '300' });
});
afterAll(() => house.close());


async function served(): Promise<{ workspace: TestWorkspace; gone: string; stays: string }> {
  const workspace = await house.workspace();
  const [gone = '', stays = ''] = await house.customers(workspace.id, 2);
  await house.track(workspace.id, [...orders(gone, 1), ...orders(stays, 1)]);
  const first = model();
  await house.prepare(replica, workspace, first, { segments: [{ ...segment(0, 'One'), typicalCustomerIds: [gone, stays] }, segment(1, 'Many'), segment(2, 'Quiet')] });
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, gone, stays };
}

/** As ingestion does before it asks serving. */
async function erase(workspace: TestWorkspace, customerId: string): Promise<void> {
  const owner = await house.connection();
  await owner.query('begin');
  await owner.query('delete from ingestion.events where workspace_id = $1 and subject_id = $2', [workspace.id, customerId]);
  await owner.query('delete from ingestion.subject_customers where workspace_id = $1 and subject_id = $2', [workspace.id, customerId]);
  await owner.query('insert into ingestion.erased_customers (workspace_id, customer_id, request_id) values ($1, $2, $2)', [workspace.id, customerId]);
  await owner.query('commit');
  await owner.end();
}

/** Tables of serving in which a text stands anywhere. */
async function tablesWith(text: string): Promise<string[]> {
  const { rows } = await house.owner.query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'serving' order by 1`);
  const found: string[] = [];
  for (const { name } of rows) {
    if ((await house.owner.query(`select from serving.${name} t where position($1 in t::text) > 0 limit 1`, [text])).rowCount) found.push(name);
  }
  return found;
}

const states = async (workspace: TestWorkspace) => {
  const { rows } = await house.owner.query<{ id: string; index: number }>('select customer_id as id, segment_index as index from serving.customer_states where workspace_id = $1', [workspace.id]);
  return Object.fromEntries(rows.map(({ id, index }) => [id, index]));
};

test('nothing of a forgotten customer is left in any table, and the others are counted right', async () => {
  const { workspace, gone, stays } = await served();
  await house.track(workspace.id, orders(gone, 2));
  await until(() => states(workspace), (seen) => seen[gone] === MANY);
  expect(await tablesWith(gone)).toEqual(['customer_states', 'membership_changes', 'memberships', 'segment_versions']);
  await erase(workspace, gone);
  const { tables } = await replica.forgetting.forgetCustomers({ customerIds: [gone] }, workspace.service);
  expect(Object.fromEntries(tables.map(({ table, rows }) => [table, rows]))).toEqual({
    'serving.customer_states': 1, 'serving.memberships': 2, 'serving.membership_changes': 2, 'serving.segment_versions': 1, 'serving.segment_deadlines': 0, 'serving.segment_regions': 0, 'serving.predictions': 0, 'serving.unusual_customers': 0, 'serving.unusual_changes': 0, 'serving.webhook_deliveries': 0,
    'serving.exports (rows taken out)': 0, 'serving.exports (files written anew)': 0,
  });
  expect(await tablesWith(gone)).toEqual([]);
  const { population } = await replica.segments.listSegments(serving.ListSegmentsRequest.fromPartial({}), workspace.call);
  expect(population).toBe(1);
  // Reading goes on, with states that were read before the forgetting dropped.
  await house.track(workspace.id, orders(stays, 2));
  await until(() => states(workspace), (seen) => JSON.stringify(seen) === JSON.stringify({ [stays]: MANY }));
});

test('what was being scored of somebody while they were forgotten is not written', async () => {
  const { workspace, gone, stays } = await served();
  house.worker.beforeAnswer.hold();
  await house.track(workspace.id, [...orders(gone, 2), ...orders(stays, 2)]);
  await house.worker.beforeAnswer.reached.next();
  await erase(workspace, gone);
  await replica.forgetting.forgetCustomers({ customerIds: [gone] }, workspace.service);
  house.worker.beforeAnswer.go();
  await until(() => states(workspace), (seen) => seen[stays] === MANY);
  expect(await tablesWith(gone)).toEqual([]);
});

test('a model that was learned before an erasure comes in without whom it learned from', async () => {
  const { workspace, gone, stays } = await served();
  const second = model();
  const { request, position } = await house.backfill(workspace.id, second);
  await erase(workspace, gone);
  await replica.forgetting.forgetCustomers({ customerIds: [gone] }, workspace.service);
  const segments = request.segments.map((one) => ({ ...one, typicalCustomerIds: [gone, stays] }));
  for await (const _ of replica.activation.prepareShadow({ ...request, segments, position }, workspace.service));
  expect(await tablesWith(gone)).toEqual([]);
  await replica.activation.activate({ modelId: second.id, fence: 2 }, workspace.service);
  expect(await tablesWith(gone)).toEqual([]);
});

test('only our own services may have somebody forgotten', async () => {
  const { workspace, gone } = await served();
  await expect(replica.forgetting.forgetCustomers({ customerIds: [gone] }, workspace.call)).rejects.toMatchObject({ reason: 'FORBIDDEN' });
});
