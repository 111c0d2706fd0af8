import { randomUUID } from 'node:crypto';

import { openArtifactStore } from '#libs/artifacts';
import { type Database, openDatabase } from '#libs/database';
import { EventHistory } from '#libs/history';

import type { IntakeEvent } from '../../apps/ingestion/src/event/event.js';
import { EventStore } from '../../apps/ingestion/src/event/event.store.js';
import { MergeRepository } from '../../apps/ingestion/src/identity/merge.repository.js';
import { digestsBy } from '../../apps/ingestion/src/identity/keyed.digest.js';
import { MANY } from './score-worker.fake.js';
import { model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const DAY = 86_400_000;

let house: ServingHouse;
let replica: ServingReplica;
let database: Database;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '300' });
  database = openDatabase({ url: house.platform.databaseUrl, service: 'ingestion' });
});
afterAll(async () => {
  await database.close();
  await house.close();
});

/** Stores events as the intake does, and lets serving know. */
async function send(workspace: TestWorkspace, ...events: Partial<IntakeEvent>[]): Promise<void> {
  const whole = events.map((event, at): IntakeEvent => ({
    id: randomUUID(), messageId: randomUUID(), type: 'track', name: 'Order Completed', occurredAt: new Date(Date.now() - DAY + at).toISOString(), receivedAt: new Date(),
    sentAt: null, originalAt: null, timeClamped: false, userId: null, anonymousId: null, groupId: null, previousId: null, properties: '{}', context: null, ...event,
  }));
  const store = new EventStore(database, { maxSubjects: 100, maxMergesPerDay: 100 }, digestsBy('a secret of this test'));
  await store.write({ workspaceId: workspace.id, source: 'test', events: whole, rejections: [] });
  await house.track(workspace.id, []);
}

async function customerOf(workspace: TestWorkspace, externalId: string): Promise<string> {
  const { rows } = await house.owner.query<{ id: string }>(
    `select m.customer_id as id from ingestion.subjects s join ingestion.subject_customers m on m.subject_id = s.id and m.ended_horizon is null
     where s.workspace_id = $1 and s.external_id = $2`,
    [workspace.id, externalId],
  );
  return rows[0]?.id ?? '';
}

/** Customer, segment's place in the model, and events in the state. */
async function states(workspace: TestWorkspace): Promise<Record<string, [number, number]>> {
  const { rows } = await house.owner.query<{ id: string; index: number; events: number }>(
    `select customer_id as id, segment_index as index, events::float8 as events from serving.customer_states where workspace_id = $1`,
    [workspace.id],
  );
  return Object.fromEntries(rows.map(({ id, index, events }) => [id, [index, events]]));
}

const known = async (workspace: TestWorkspace, customerIds: string[]) =>
  (await replica.memberships.getCustomerMemberships({ customerIds }, workspace.call)).customers.map((customer) => [customer.known, customer.memberships.length]);
const population = async (workspace: TestWorkspace) => {
  const { rows } = await house.owner.query<{ members: number }>('select sum(members)::float8 as members from serving.segment_sizes where workspace_id = $1', [workspace.id]);
  return rows[0]?.members;
};

test('a merge builds the one that remains anew and ends the other, an undoing brings both back', async () => {
  const workspace = await house.workspace();
  await send(workspace, { anonymousId: 'device' }, { anonymousId: 'device' }, { userId: 'person' });
  const [device, person] = [await customerOf(workspace, 'device'), await customerOf(workspace, 'person')];
  const first = model();
  const { request, position } = await house.backfill(workspace.id, first);
  for await (const _ of replica.activation.prepareShadow({ ...request, position }, workspace.service));
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  expect(await states(workspace)).toEqual({ [device]: [0, 2], [person]: [0, 1] });

  await send(workspace, { anonymousId: 'device', userId: 'person' });
  await until(() => states(workspace), (seen) => JSON.stringify(seen) === JSON.stringify({ [person]: [MANY, 4] }));
  expect(await known(workspace, [device, person])).toEqual([[false, 0], [true, 1]]);
  expect(await population(workspace)).toBe(1);

  const { rows } = await house.owner.query<{ id: string }>('select id from ingestion.customer_merges where workspace_id = $1', [workspace.id]);
  await new MergeRepository(database, new EventHistory(openArtifactStore(house.platform.artifactUrl))).undo(workspace.id, rows[0]?.id ?? '', 'key:test');
  await house.track(workspace.id, []);
  await until(() => states(workspace), (seen) => seen[device]?.[1] === 2 && seen[person]?.[1] === 2);
  expect(await known(workspace, [device, person])).toEqual([[true, 1], [true, 1]]);
  expect(await population(workspace)).toBe(2);
});

test('a model that was learned before a merge and activated after it follows the merge', async () => {
  const workspace = await house.workspace();
  await send(workspace, { anonymousId: 'device' }, { userId: 'person' });
  const [device, person] = [await customerOf(workspace, 'device'), await customerOf(workspace, 'person')];
  const first = model();
  const { request, position } = await house.backfill(workspace.id, first);
  await send(workspace, { anonymousId: 'device', userId: 'person' });
  for await (const _ of replica.activation.prepareShadow({ ...request, position }, workspace.service));
  expect(Object.keys(await states(workspace)).sort()).toEqual([device, person].sort());
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  await until(() => states(workspace), (seen) => Object.keys(seen).length === 1 && seen[person]?.[1] === 3);
});

test('whose a user id is, is read with where they belong: at once after a merge, and by nobody else', async () => {
  const workspace = await house.workspace();
  // One after the other: the older of two users keeps its customer id.
  await send(workspace, { userId: 'person' });
  await send(workspace, { userId: 'former' });
  const [person, former] = [await customerOf(workspace, 'person'), await customerOf(workspace, 'former')];
  const first = model();
  const { request, position } = await house.backfill(workspace.id, first);
  for await (const _ of replica.activation.prepareShadow({ ...request, position }, workspace.service));
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  const asked = ['person', 'nobody', 'with \0 in it', 'former', 'person'];
  const whose = async ({ call } = workspace) =>
    (await replica.memberships.getUserMemberships({ userIds: asked }, call)).users.map(({ userId, customer }) => [userId, customer?.customerId]).sort();
  expect(await whose()).toEqual([['former', former], ['person', person]]);
  const { users, segments } = await replica.memberships.getUserMemberships({ userIds: ['person'] }, workspace.call);
  const byId = await replica.memberships.getCustomerMemberships({ customerIds: [person] }, workspace.call);
  expect([users[0]?.customer, segments]).toEqual([byId.customers[0], byId.segments]);
  expect(segments).toHaveLength(1);

  await send(workspace, { type: 'alias', name: '', previousId: 'former', userId: 'person' });
  expect(await whose()).toEqual([['former', person], ['person', person]]);
  expect(await whose(await house.workspace())).toEqual([]);
  await expect(replica.memberships.getUserMemberships({ userIds: Array.from({ length: 501 }, () => 'person') }, workspace.call)).rejects.toMatchObject({ reason: 'TOO_MANY_IDS' });
});
