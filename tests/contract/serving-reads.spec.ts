import { jest } from '@jest/globals';
import { Client } from 'pg';

import { counting, pastReading, serving, webhook, worker } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { model, ServingHouse, type ServingReplica, type TestModel, type TestWorkspace, until } from './serving-house.js';

const DAY = 86_400_000;

let house: ServingHouse;
let replica: ServingReplica;
let workspace: TestWorkspace;
let customers: string[];
let first: TestModel;
let readings: ReturnType<typeof connect<typeof pastReading.PastReadingServiceService>>;
let counts: ReturnType<typeof connect<typeof counting.CountingServiceService>>;
beforeAll(async () => {
  house = await ServingHouse.open();
  // No looks and sweeps of its own while statements are counted.
  replica = await house.start({ FEED_POLL_MS: '600000' });
  readings = connect(pastReading.PastReadingServiceService, replica.address);
  counts = connect(counting.CountingServiceService, replica.address);
  workspace = await house.workspace();
  customers = await house.customers(workspace.id, 60);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
});
afterAll(async () => {
  counts.close();
  readings.close();
  await house.close();
});

/** Statements on serving's tables while `work` is done, which may be more than its own: the reader of the feed looks at times. */
async function statements(work: () => Promise<unknown>): Promise<number> {
  const spy = jest.spyOn(Client.prototype, 'query');
  try {
    await work();
    return spy.mock.calls.filter(([query]) => textOf(query).includes('serving.')).length;
  } finally {
    spy.mockRestore();
  }
}

function textOf(query: unknown): string {
  return typeof query === 'string' ? query : String((query as { text?: string } | undefined)?.text ?? '');
}

/** One that costs a statement a row never costs so few. */
const untilItCosts = (count: number, work: () => Promise<unknown>) => until(() => statements(work), (counted) => counted === count);

const memberships = (customerIds: string[]) => () => replica.memberships.getCustomerMemberships({ customerIds }, workspace.call);
const membershipsOfUsers = (userIds: string[]) => () => replica.memberships.getUserMemberships({ userIds }, workspace.call);
const segments = async () => (await replica.segments.listSegments(serving.ListSegmentsRequest.fromPartial({}), workspace.call)).segments;

test('what is asked of many costs as many statements as what is asked of one', async () => {
  await untilItCosts(1, memberships(customers.slice(0, 1)));
  await untilItCosts(1, memberships(customers));
  await house.owner.query(`insert into ingestion.subjects (workspace_id, id, kind, external_id) select $1, id, 'USER', id::text from unnest($2::uuid[]) as id`, [workspace.id, customers]);
  await untilItCosts(1, membershipsOfUsers(customers.slice(0, 1)));
  await untilItCosts(1, membershipsOfUsers(customers));
  expect((await membershipsOfUsers(customers)()).users).toHaveLength(customers.length);
  const ids = (await segments()).map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(1);
  const drawn = (some: string[]) => () => replica.segments.getSegments({ ids: some, modelId: '', asOf: undefined }, workspace.call);
  // What is kept of them, and renewed before it is too old, is given up with a name.
  const rename = (name: string) => replica.segments.renameSegment({ id: ids[0] ?? '', name, description: undefined }, workspace.admin);
  for (const read of [drawn(ids.slice(0, 1)), drawn(ids), segments]) {
    let names = 0;
    await until(async () => rename(`Renamed ${(names += 1)}`).then(() => statements(read)), (counted) => counted === 4);
  }
  // What counts are of costs the same however many customers there are; that they are there is asked once a second.
  await untilItCosts(3, () => counts.getCountReach({ follower: counting.CountFollower.MODEL, modelId: '' }, workspace.call));
  const other = model();
  await house.prepare(replica, workspace, other);
  const page = { first: 3, after: '' };
  const order = serving.MemberOrder.ID;
  const members = (segmentIds: string[], modelId = '', rows = 1) => () => replica.segments.listMembersOfSegments({ segmentIds, modelId, page: { first: rows, after: '' }, order }, workspace.call);
  for (const some of [ids.slice(0, 1), ids]) {
    for (const rows of [1, 50]) {
      await untilItCosts(1, members(some, '', rows));
      // One to see whether the model is served.
      await untilItCosts(2, members(some, other.id, rows));
    }
  }
  // As of a time: one to see whether the history reaches there, one to read it.
  const { asOf } = await replica.memberships.getCustomerMemberships({ customerIds: [] }, workspace.call);
  const places = (customerIds: string[]) => () => replica.history.getPastMemberships({ customerIds, asOf }, workspace.call);
  const past = (segmentIds: string[], rows: number) => () => replica.history.listPastMembersOfSegments({ segmentIds, asOf, page: { first: rows, after: '' }, order }, workspace.call);
  for (const read of [places(customers.slice(0, 1)), places(customers), past(ids.slice(0, 1), 1), past(ids.slice(0, 1), 50), past(ids, 50)]) await untilItCosts(2, read);
  // A page of a list of each: where nobody asks how many there are, nobody counts.
  const changes = (customerIds: string[], withTotal = false) => () => replica.memberships.listChangesOfCustomers({ customerIds, page, withTotal }, workspace.call);
  for (const some of [customers.slice(0, 1), customers]) {
    await untilItCosts(1, changes(some));
    await untilItCosts(2, changes(some, true));
  }
  // What is served, the other models, whom they place where, how many are in what is served, the segments, and their lives.
  const ofModels = (modelIds: string[]) => () => replica.segments.listSegmentsOfModels({ modelIds, page, level: worker.SegmentLevel.MAIN }, workspace.call);
  const third = model();
  await house.prepare(replica, workspace, third);
  for (const [some, count] of [[[other.id], 5], [[other.id, third.id], 5], [[first.id, other.id, third.id], 6]] as const) await untilItCosts(count, ofModels([...some]));
  const versions = (segmentIds: string[], withTotal = false) => () => replica.segments.listVersionsOfSegments({ segmentIds, page, withTotal }, workspace.call);
  for (const some of [ids.slice(0, 1), ids]) {
    await untilItCosts(1, versions(some));
    await untilItCosts(2, versions(some, true));
  }
  const logs = (webhookIds: string[], withTotal: boolean) => () => replica.webhooks.listDeliveriesOfWebhooks({ webhookIds, state: webhook.WebhookDeliveryState.UNSPECIFIED, page, withTotal }, workspace.admin);
  for (const some of [customers.slice(0, 1), customers]) {
    await untilItCosts(1, logs(some, false));
    await untilItCosts(2, logs(some, true));
  }
  const exported = (scheduleIds: string[], withTotal: boolean) => () => replica.exports.listExportsOfSchedules({ scheduleIds, page, withTotal }, workspace.call);
  for (const some of [customers.slice(0, 1), customers]) {
    await untilItCosts(1, exported(some, false));
    await untilItCosts(2, exported(some, true));
  }
  // What is served, the embeddings of those asked for, and of those found.
  const similar = (customerIds: string[]) => () => replica.similarity.listSimilarToCustomers({ customerIds, first: 3 }, workspace.call);
  for (const some of [customers.slice(0, 1), customers]) await untilItCosts(3, similar(some));
  // To read customers again: what is served, and where it stands; their events are one statement on the feed.
  const again = (customerIds: string[]) => () => readings.readPast({ customerIds, asOf }, workspace.call);
  for (const read of [again(customers.slice(0, 1)), again(customers.slice(0, 30))]) await untilItCosts(2, read);
});
