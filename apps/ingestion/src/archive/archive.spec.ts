import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { v7 as uuid } from 'uuid';

import { type ArtifactStore, openArtifactStore } from '#libs/artifacts';
import { PrincipalSigner } from '#libs/auth';
import { ingestion, person, retention } from '#libs/contracts';
import { type Database, openDatabase } from '#libs/database';

import type { EventStore } from '../event/event.store.js';
import { LedgerRepository } from '../ledger/ledger.repository.js';
import { Scratch } from '../scratch/scratch.js';
import { type IngestionUnderTest, OTHER_WORKSPACE, OTHER_WRITE_KEY, SECRET, startIngestion, VIEWER_KEY, WORKSPACE } from '../testing/ingestion-under-test.js';
import { type PeersStandIn, startPeersStandIn } from '../testing/peers-stand-in.js';
import { type ExecutionRooms, workOff } from './archive.execution.js';
import { rowsOf } from './archive.file.js';
import { PersonArchives } from './archive.person.js';
import { ArchiveOvertaken, ArchiveRepository, type ArchiveRow } from './archive.repository.js';
import { ArchiveRequestRepository } from './archive.request.repository.js';
import { restoreArchive } from './archive.restore.js';
import { ARCHIVE_STEPS } from './archive.writer.js';
import { RetentionRepository } from './retention.repository.js';
import { RetentionSchedule } from './retention.schedule.js';
import { RetentionService } from './retention.service.js';

const { SUCCEEDED, CANCELLED } = retention.ArchiveRequestState;
const { ARCHIVED, DROPPED, RESTORED } = retention.EventArchiveState;
const { STORED, DUPLICATE } = ingestion.EventOutcome;

let peers: PeersStandIn;
let kindred: IngestionUnderTest;
let database: Database;
let artifacts: ArtifactStore;
let rooms: ExecutionRooms;
let call: { principal: string };
let otherCall: { principal: string };
beforeAll(async () => {
  peers = await startPeersStandIn();
  kindred = await startIngestion({ SERVING_ADDRESS: peers.address, TRAINING_ADDRESS: peers.address, ARCHIVE_SETTLE_SECONDS: '0' });
  call = { principal: kindred.principal };
  otherCall = { principal: await new PrincipalSigner(SECRET).sign({ workspaceId: OTHER_WORKSPACE, actor: 'key:other', role: 'ADMIN' }) };
  database = openDatabase({ url: kindred.platform.databaseUrl, service: 'ingestion', connections: 3 });
  artifacts = openArtifactStore(kindred.platform.artifactUrl);
  rooms = {
    archives: new ArchiveRepository(database), requests: new ArchiveRequestRepository(database), artifacts, scratch: { workDir: tmpdir(), memory: '256MB' },
    // Only archiving is worked off here; replays run in the service.
    store: undefined as unknown as EventStore, hint: () => undefined, settleMs: 0,
  };
});
afterAll(async () => {
  await database?.close();
  await kindred?.close();
  peers?.close();
});

let count = 0;
const send = async (events: object[], as = call) => {
  const encoded = events.map((event) => Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', messageId: `archive-${count++}`, ...event })));
  return (await kindred.events.trackEvents({ events: encoded, sentAt: undefined }, as)).results;
};
/** Two days of a month, two people. */
const month = (text: string, who: string) => [
  { userId: `${who}-a`, messageId: `${who}-first`, timestamp: `${text}-03T10:00:00.250Z`, event: 'Line\nbreak "quoted", and more', properties: { revenue: 2.5, empty: '', nested: { 'odd "key"': [1, null] } } },
  { userId: `${who}-a`, anonymousId: `${who}-device`, timestamp: `${text}-04T10:00:00Z`, context: { page: { url: 'https://example.org' } } },
  { type: 'identify', userId: `${who}-b`, timestamp: `${text}-05T10:00:00Z`, traits: { plan: 'free' } },
  { userId: `${who}-b`, timestamp: `${text}-06T10:00:00Z` },
];
async function ended(request: retention.ArchiveRequest | undefined): Promise<retention.ArchiveRequest> {
  for (;;) {
    const now = (await kindred.retention.getArchiveRequest({ id: request?.id ?? '' }, call)).request;
    if (now?.finishedAt) return now;
    await wait(20);
  }
}
const archive = async (before: string) => ended((await kindred.retention.archiveEvents({ before }, call)).request);
/** A request that the service does not know of: nobody takes it up. */
async function waitingRequest(before: string): Promise<string> {
  const id = uuid();
  await kindred.sql.query(`INSERT INTO ingestion.archive_requests (workspace_id, id, kind, state, requested_by, archive_before) VALUES ($1, $2, 'ARCHIVE', 'QUEUED', 'key:test', $3)`, [
    WORKSPACE, id, before,
  ]);
  return id;
}
const archives = async () => (await kindred.retention.listEventArchives({ page: { first: 100, after: '' } }, call)).archives;
const archiveOfMonth = async (start: string) => (await archives()).find(({ periodStart }) => periodStart?.startsWith(start)) as retention.EventArchive;
const customer = async (userId: string) => (await kindred.customers.resolveCustomer({ key: { $case: 'userId', value: userId } }, call)).customer;
const liveIn = async (text: string) =>
  (await kindred.sql.query<{ events: number }>(`SELECT count(*)::int AS events FROM ingestion.events WHERE workspace_id = $1 AND to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM') = $2`, [WORKSPACE, text])).rows[0]?.events;
async function rowsIn(archiveId: string): Promise<Record<string, unknown>[]> {
  const { rows } = await kindred.sql.query<{ artifact: string }>('SELECT artifact FROM ingestion.event_archives WHERE id = $1', [archiveId]);
  const scratch = await Scratch.open(rooms.scratch);
  try {
    return await scratch.rows(`SELECT * FROM ${rowsOf([await artifacts.localFile(rows[0]?.artifact ?? '')])} ORDER BY sequence`);
  } finally {
    await scratch.close();
  }
}
async function snapshotEvents(): Promise<string[]> {
  for await (const { event } of kindred.snapshots.createSnapshot({ requestId: randomUUID(), position: undefined }, call)) {
    if (event?.$case !== 'snapshot') continue;
    const folder = fileURLToPath(event.value.uri);
    const { shards } = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { shards: { path: string }[] };
    const scratch = await Scratch.open(rooms.scratch);
    try {
      const rows = await scratch.rows<object>(`SELECT * FROM ${rowsOf(shards.map(({ path }) => join(folder, path)))} ORDER BY sequence`);
      return rows.map((row) => JSON.stringify(row));
    } finally {
      await scratch.close();
    }
  }
  throw new Error('no snapshot');
}
/** All of a customer's events, read in pages of two, and what became of one of them. */
async function lifeOf(customerId: string) {
  const events: ingestion.Event[] = [];
  for (let after = ''; ; ) {
    const page = await kindred.eventsOf(customerId, { first: 2, after });
    events.push(...page.events);
    if (!page.pageInfo?.hasNextPage) return { events, total: page.pageInfo?.totalCount };
    after = page.pageInfo.endCursor;
  }
}
const receipt = async (messageId: string) => (await kindred.events.getEventReceipt({ messageId }, call)).receipt;
const ledger = (as = call) => kindred.events.getEventLedger({ from: undefined, to: undefined }, as);

test('a month goes to a sorted file with a manifest, and customers, snapshots, duplicates and the ledger stay as they were', async () => {
  // Three at one moment: a page ends between them.
  const same = [1, 2, 3].map(() => ({ userId: 'one-a', timestamp: '2025-01-20T00:00:00Z' }));
  await send([...month('2025-01', 'one'), ...same, { userId: 'one-a', timestamp: '2025-02-10T00:00:00Z' }]);
  await send(month('2025-01', 'foreign'), otherCall);
  const id = (await customer('one-a'))?.id ?? '';
  const before = { snapshot: await snapshotEvents(), customer: await customer('one-a'), ledger: await ledger(), life: await lifeOf(id), receipt: await receipt('one-first') };
  expect(before.life.events).toHaveLength(6);

  expect(await archive('2025-02-01T00:00:00Z')).toMatchObject({ state: SUCCEEDED, eventsTotal: 7, eventsDone: 7, error: '', requestedBy: 'key:test' });
  const made = await archiveOfMonth('2025-01');
  expect(made).toMatchObject({ state: ARCHIVED, events: 7, periodEnd: '2025-02-01T00:00:00.000Z', firstOccurredAt: '2025-01-03T10:00:00.250Z', lastOccurredAt: '2025-01-20T00:00:00.000Z' });
  expect(await liveIn('2025-01')).toBe(0);
  expect((await rowsIn(made.id))[0]).toMatchObject({
    name: 'Line\nbreak "quoted", and more', message_id: 'one-first', user_id: 'one-a', anonymous_id: null,
    properties: '{"empty": "", "nested": {"odd \\"key\\"": [1, null]}, "revenue": 2.5}',
  });
  const folder = join(fileURLToPath(kindred.platform.artifactUrl), WORKSPACE, 'archives', made.id);
  expect(JSON.parse(await readFile(join(folder, 'events.json'), 'utf8'))).toMatchObject({ format: 'kindred.archive/1', events: 7, sha256: made.sha256, path: 'events.parquet' });

  expect(await snapshotEvents()).toEqual(before.snapshot);
  expect(await customer('one-a')).toEqual({ ...before.customer, archivedEventCount: 5 });
  expect(await lifeOf(id)).toEqual(before.life);
  await send([{ userId: 'one-recent', timestamp: '2025-02-11T00:00:00Z' }]);
  const recent = (await customer('one-recent'))?.id ?? '';
  for (const first of [1, 2, 9]) {
    const page = { first, after: '' };
    const { customers } = await kindred.events.listEventsOfCustomers({ customerIds: [recent, id], page, withTotal: true }, call);
    expect(customers).toEqual([await kindred.eventsOf(recent, page), await kindred.eventsOf(id, page)]);
  }
  expect(await receipt('one-first')).toEqual(before.receipt);
  const [again] = await send([{ userId: 'one-a', messageId: 'one-first', timestamp: '2025-03-01T00:00:00Z' }]);
  expect(again?.outcome).toBe(DUPLICATE);
  expect(await ledger()).toMatchObject({ received: before.ledger.received + 2, stored: before.ledger.stored + 1, duplicate: before.ledger.duplicate + 1 });
  // The other workspace's events are where they were, and so is the month.
  expect((await kindred.sql.query('SELECT FROM ingestion.events_2025_01')).rowCount).toBe(4);
});

test.each(ARCHIVE_STEPS)('a process that dies when it has %s loses nothing and doubles nothing', async (step) => {
  const text = `2024-${String(ARCHIVE_STEPS.indexOf(step) + 1).padStart(2, '0')}`;
  await send(month(text, `crash-${text}`));
  const before = await snapshotEvents();
  const end = new Date(`${text}-01T00:00:00Z`);
  end.setUTCMonth(end.getUTCMonth() + 1);
  const request = { id: await waitingRequest(end.toISOString()) };
  const attempt = async (reached: (at: string) => void) => {
    const row = await rooms.requests.begin(WORKSPACE, request.id);
    if (row) await workOff(rooms, { workspaceId: WORKSPACE, id: request.id, fence: row.fence }, row, new AbortController().signal, reached);
  };
  await expect(attempt((reached) => {
    if (reached === step) throw new Error('died');
  })).rejects.toThrow('died');
  expect(await snapshotEvents()).toEqual(before);
  await attempt(() => undefined);
  expect(await snapshotEvents()).toEqual(before);
  expect(await liveIn(text)).toBe(0);
  const made = (await archives()).filter(({ periodStart }) => periodStart?.startsWith(text));
  expect(made).toMatchObject([{ state: ARCHIVED, events: 4 }]);
  expect(await rooms.requests.find(WORKSPACE, request.id)).toMatchObject({ events_total: '4', events_done: '4' });
  const row = await rooms.requests.find(WORKSPACE, request.id);
  await rooms.requests.end({ workspaceId: WORKSPACE, id: request.id, fence: row?.fence ?? 0 }, 'SUCCEEDED');
  // Half-made files went with their rows.
  const folders = await readdir(join(fileURLToPath(kindred.platform.artifactUrl), WORKSPACE, 'archives'));
  expect(folders.sort()).toEqual((await archives()).map(({ id }) => id).sort());
});

test('a month that is empty for everybody is dropped, and a late event makes it anew and a second archive of it', async () => {
  await send(month('2023-05', 'late'));
  await archive('2023-06-01T00:00:00Z');
  expect((await kindred.sql.query(`SELECT to_regclass('ingestion.events_2023_05') AS there`)).rows).toEqual([{ there: null }]);
  const [result] = await send([{ userId: 'late-a', timestamp: '2023-05-20T00:00:00Z' }]);
  expect(result?.outcome).toBe(STORED);
  expect(await customer('late-a')).toMatchObject({ eventCount: 3, archivedEventCount: 2 });
  await archive('2023-06-01T00:00:00Z');
  expect((await archives()).filter(({ periodStart }) => periodStart?.startsWith('2023-05')).map(({ events }) => events).sort()).toEqual([1, 4]);
  expect(await customer('late-a')).toMatchObject({ eventCount: 3, archivedEventCount: 3 });
});

test('a request that would find nothing is not begun, and why is told', async () => {
  const asked = (before: string, as: typeof call) => kindred.retention.archiveEvents({ before }, as);
  await expect(asked('2001-01-01T00:00:00Z', call)).rejects.toMatchObject({ reason: 'NOTHING_TO_ARCHIVE', message: expect.stringMatching(/a month that ends at 20\d\d-\d\d-01T/) as string });
  const emptyCall = { principal: await new PrincipalSigner(SECRET).sign({ workspaceId: uuid(), actor: 'key:empty', role: 'ADMIN' }) };
  await expect(asked('2026-01-01T00:00:00Z', emptyCall)).rejects.toMatchObject({ reason: 'NOTHING_TO_ARCHIVE', message: expect.stringContaining('No events are in the database') as string });
  const unsettled = { workspaceId: WORKSPACE, actor: 'key:test' };
  await send([{ userId: 'unsettled', timestamp: '2020-03-01T00:00:00Z' }]);
  const service = new RetentionService({ archives: rooms.archives, settleMs: 3_600_000 } as never, undefined as never);
  await expect(service.archive(unsettled, '2020-04-01T00:00:00Z')).rejects.toThrow(/arrived after .* they wait/);
});

test('archived events are replayed into another workspace once, however often', async () => {
  await send(month('2023-01', 'replayed'));
  await archive('2023-02-01T00:00:00Z');
  const { id } = await archiveOfMonth('2023-01');
  const replay = async (writeKey: string) => ended((await kindred.retention.replayArchive({ archiveId: id, writeKey }, call)).request);
  expect(await replay(OTHER_WRITE_KEY)).toMatchObject({ state: SUCCEEDED, eventsTotal: 4, eventsDone: 4, eventsStored: 4, eventsDuplicate: 0, eventsRejected: 0 });
  expect(await replay(OTHER_WRITE_KEY)).toMatchObject({ state: SUCCEEDED, eventsStored: 0, eventsDuplicate: 4 });
  expect(await replay('')).toMatchObject({ state: SUCCEEDED, eventsStored: 0, eventsDuplicate: 4 });
  const { rows } = await kindred.sql.query(
    `SELECT workspace_id, name, occurred_at, properties, user_id FROM ingestion.events WHERE message_id = 'replayed-first'`,
  );
  expect(rows).toEqual([{
    workspace_id: OTHER_WORKSPACE, name: 'Line\nbreak "quoted", and more', occurred_at: new Date('2023-01-03T10:00:00.250Z'), user_id: 'replayed-a',
    properties: { revenue: 2.5, empty: '', nested: { 'odd "key"': [1, null] } },
  }]);
  const { received, stored, duplicate, rejected } = await ledger(otherCall);
  expect(received).toBe(stored + duplicate + rejected);
  await expect(kindred.retention.replayArchive({ archiveId: id, writeKey: VIEWER_KEY }, call)).rejects.toMatchObject({ reason: 'KEY_REFUSED' });
  await expect(kindred.retention.replayArchive({ archiveId: WORKSPACE, writeKey: '' }, call)).rejects.toMatchObject({ reason: 'ARCHIVE_UNKNOWN' });
});

test('what the target refuses of an archive lies in its quarantine once, however often it is replayed', async () => {
  await send(month('2023-02', 'unwanted'));
  await archive('2023-03-01T00:00:00Z');
  const { id } = await archiveOfMonth('2023-02');
  await kindred.identity.setBlockedId({ value: 'unwanted-b', blocked: true }, otherCall);
  const replay = async () => ended((await kindred.retention.replayArchive({ archiveId: id, writeKey: OTHER_WRITE_KEY }, call)).request);
  const { rejected: before } = await ledger(otherCall);
  for (let time = 0; time < 2; time++) {
    expect(await replay()).toMatchObject({ state: SUCCEEDED, eventsRejected: 2 });
    expect((await ledger(otherCall)).rejected).toBe(before + 2);
  }
});

test('an undone merge holds for archived events too', async () => {
  await send([
    { anonymousId: 'split-device', timestamp: '2022-01-02T00:00:00Z' },
    { anonymousId: 'split-device', userId: 'split-user', timestamp: '2022-01-03T00:00:00Z' },
  ]);
  const merges = async () => {
    const { customers } = await kindred.identity.listMergesOfCustomers({ customerIds: [(await customer('split-user'))?.id ?? ''], page: undefined, withTotal: false }, call);
    return customers[0]?.merges ?? [];
  };
  const before = await merges();
  expect(before[0]?.event).toBeDefined();
  await archive('2022-02-01T00:00:00Z');
  expect(await customer('split-user')).toMatchObject({ eventCount: 2, archivedEventCount: 2 });
  // Also the event that joined them is still shown.
  expect(await merges()).toEqual(before);
  expect((await kindred.identity.undoMerge({ id: before[0]?.id ?? '' }, call)).merge?.event).toEqual(before[0]?.event);
  expect(await customer('split-user')).toMatchObject({ eventCount: 1 });
  const device = await kindred.customers.resolveCustomer({ key: { $case: 'anonymousId', value: 'split-device' } }, call);
  expect(device.customer).toMatchObject({ eventCount: 1 });
  // A snapshot has the customers of its last event.
  await send([{ userId: 'split-other' }]);
  const rows = (await snapshotEvents()).map((row) => JSON.parse(row) as { customer: string });
  expect(rows.filter((row) => row.customer === device.customer?.id)).toHaveLength(1);
});

const rowsOfMonth = async (text: string) =>
  (await kindred.sql.query<object>(`SELECT * FROM ingestion.events WHERE to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM') = $1 ORDER BY sequence`, [text])).rows;

test('an archive is restored to the very rows that it was made of, once, and is kept from the policy for a while', async () => {
  await send([...month('2022-09', 'back'), { type: 'group', groupId: 'without a person', timestamp: '2022-09-08T00:00:00Z' }]);
  const id = (await customer('back-a'))?.id ?? '';
  const look = async () => ({ rows: await rowsOfMonth('2022-09'), life: await lifeOf(id), customer: await customer('back-a'), ledger: { ...(await ledger()), asOf: '' }, snapshot: await snapshotEvents() });
  const before = await look();
  await archive('2022-10-01T00:00:00Z');
  expect(await rowsOfMonth('2022-09')).toEqual([]);
  const made = await archiveOfMonth('2022-09');
  // One that dies before it has said so leaves the table as it was.
  const row = await rooms.archives.find(WORKSPACE, made.id);
  const dying = { setRemaining: () => Promise.resolve(), addMoved: () => Promise.reject(new Error('died')) } as unknown as ArchiveRequestRepository;
  const attempt = { workspaceId: WORKSPACE, id: made.id, fence: 1 };
  await expect(restoreArchive({ ...rooms, requests: dying }, attempt, { archive: row as ArchiveRow, keepDays: 1 }, new AbortController().signal)).rejects.toThrow('died');
  expect(await rowsOfMonth('2022-09')).toEqual([]);
  const restore = async (archiveId: string) => (await kindred.retention.restoreArchive({ archiveId, keepDays: 0 }, call)).request;
  // Asked twice at once it is one request.
  const [first, second] = await Promise.all([restore(made.id), restore(made.id)]);
  expect(second?.id).toBe(first?.id);
  expect(await ended(first)).toMatchObject({ state: SUCCEEDED, kind: retention.ArchiveRequestKind.RESTORE, eventsTotal: 5, eventsDone: 5, error: '' });
  expect(await look()).toEqual(before);
  expect((await send([{ userId: 'back-a', messageId: 'back-first' }]))[0]?.outcome).toBe(DUPLICATE);
  const restored = await archiveOfMonth('2022-09');
  expect(restored).toMatchObject({ state: RESTORED, events: 5 });
  expect(Date.parse(restored.keptUntil ?? '') - Date.parse(restored.restoredAt ?? '')).toBe(30 * 86_400_000);
  expect(await readdir(join(fileURLToPath(kindred.platform.artifactUrl), WORKSPACE, 'archives', made.id))).toEqual([]);
  expect((await restore(made.id))?.id).toBe(first?.id);
  await expect(kindred.retention.replayArchive({ archiveId: made.id, writeKey: '' }, call)).rejects.toMatchObject({ reason: 'ARCHIVE_DROPPED' });
  await expect(restore(WORKSPACE)).rejects.toMatchObject({ reason: 'ARCHIVE_UNKNOWN' });

  const due = async (isPolicy: boolean) => (await rooms.archives.due(WORKSPACE, '2022-10-01T00:00:00Z', new Date(), { isPolicy })).map(({ period_start }) => period_start.slice(0, 7));
  expect(await due(true)).not.toContain('2022-09');
  expect(await due(false)).toContain('2022-09');
  await archive('2022-10-01T00:00:00Z');
  expect(await lifeOf(id)).toEqual(before.life);
});

test('an archive from which a person was erased while it was restored comes back without them', async () => {
  await send(month('2022-11', 'race'));
  await archive('2022-12-01T00:00:00Z');
  const made = await archiveOfMonth('2022-11');
  const subjects = async () => (await kindred.sql.query<{ id: string }>(`SELECT id FROM ingestion.subjects WHERE external_id IN ('race-a', 'race-device')`)).rows.map(({ id }) => id);
  const forgotten = { subjectIds: await subjects(), userIds: ['race-a'], anonymousIds: ['race-device'] };
  const row = await rooms.archives.find(WORKSPACE, made.id);
  if (!row) throw new Error('no archive');
  // What was read before the file was written anew is not put back.
  const pages = async function* () {
    await new PersonArchives(rooms.archives, artifacts, rooms.scratch).forget(WORKSPACE, forgotten, () => Promise.resolve());
    yield* [];
  };
  await expect(rooms.archives.putBack(WORKSPACE, { ...row, events: '0', digest: '0' }, 1, pages(), () => Promise.resolve())).rejects.toThrow(ArchiveOvertaken);
  expect(await ended((await kindred.retention.restoreArchive({ archiveId: made.id, keepDays: 1 }, call)).request)).toMatchObject({ state: SUCCEEDED, eventsDone: 2 });
  expect((await rowsOfMonth('2022-11')).map((event) => (event as { user_id: string }).user_id)).toEqual(['race-b', 'race-b']);
});

test('a person is exported with archived events and erased from the files, and nobody else is', async () => {
  await send([...month('2021-01', 'gone'), { userId: 'gone-friend', anonymousId: 'gone-device', timestamp: '2021-01-09T00:00:00Z' }]);
  await archive('2021-02-01T00:00:00Z');
  const { id } = await archiveOfMonth('2021-01');
  const ask = async (kind: person.PersonRequestKind) => {
    const { request } = await kindred.persons.startPersonRequest({ kind, person: { $case: 'userId', value: 'gone-a' } }, call);
    for (;;) {
      const now = (await kindred.persons.getPersonRequest({ id: request?.id ?? '' }, call)).request;
      if (now?.finishedAt) return now;
      await wait(20);
    }
  };
  const exported = await ask(person.PersonRequestKind.EXPORT);
  const lines = (await readFile(await artifacts.localFile(exported.artifact), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ type }) => type === 'track')).toMatchObject([
    { type: 'track', event: 'Line\nbreak "quoted", and more', userId: 'gone-a', messageId: 'gone-first', timestamp: '2021-01-03T10:00:00.250000Z', properties: { revenue: 2.5 } },
    { type: 'track', anonymousId: 'gone-device', context: { page: { url: 'https://example.org' } } },
  ]);

  const erased = await ask(person.PersonRequestKind.ERASE);
  expect(erased.error).toBe('');
  expect(Object.fromEntries(erased.tables.map(({ table, rows }) => [table, rows]))).toMatchObject({
    'ingestion.event_archives (events)': 2, 'ingestion.event_archives (ids taken out)': 1, 'ingestion.event_archives (files written anew)': 1,
  });
  const left = await rowsIn(id);
  expect(left.map(({ user_id, anonymous_id }) => [user_id, anonymous_id])).toEqual([['gone-b', null], ['gone-b', null], ['gone-friend', null]]);
  // The old file is gone with its manifest; a retry of an erased event stays a duplicate.
  expect(await readdir(join(fileURLToPath(kindred.platform.artifactUrl), WORKSPACE, 'archives', id))).toHaveLength(2);
  expect((await archiveOfMonth('2021-01')).events).toBe(3);
  expect((await send([{ userId: 'gone-a', messageId: 'gone-first' }]))[0]?.outcome).toBe(DUPLICATE);
});

test('a policy archives and, later, drops: then message ids have gone with their events', async () => {
  const policies = new RetentionRepository(database);
  const service = new RetentionService({ policies, archives: rooms.archives, requests: rooms.requests, queue: { enqueue: () => Promise.resolve() } as never, keys: undefined as never, settleMs: 0 }, undefined as never);
  const schedule = new RetentionSchedule(policies, rooms.archives, service, 0, undefined as never);
  await send(month('2019-01', 'policy'));
  for (const [policy, reason] of [[{ archiveAfterDays: 0, dropAfterDays: 5 }, /archiveAfterDays/], [{ archiveAfterDays: 9, dropAfterDays: 5 }, /less/]] as const) {
    await expect(kindred.retention.setRetentionPolicy({ policy }, call)).rejects.toThrow(reason);
  }
  await kindred.retention.setRetentionPolicy({ policy: { archiveAfterDays: 30, dropAfterDays: 400 } }, call);
  expect((await kindred.retention.getRetentionPolicy({}, call)).policy).toEqual({ archiveAfterDays: 30, dropAfterDays: 400 });
  const apply = async (now: string) => {
    await schedule.apply(new Date(now));
    const { requests } = await kindred.retention.listArchiveRequests({ page: { first: 1, after: '' } }, call);
    return ended(requests[0]);
  };
  await send([{ userId: 'policy-a', messageId: 'policy-first' }]);
  // Years before 2020 are archived whole.
  expect(await apply('2020-02-15T00:00:00Z')).toMatchObject({ requestedBy: 'policy', state: SUCCEEDED, eventsDone: 4 });
  expect(await archiveOfMonth('2019-01')).toMatchObject({ state: ARCHIVED, periodEnd: '2020-01-01T00:00:00.000Z' });
  const { received, stored, duplicate } = await ledger();
  const before = { received, stored, duplicate };
  await apply('2021-02-15T00:00:00Z');
  // What the hourly round of the service would archive and drop of the other tests.
  await kindred.retention.setRetentionPolicy({ policy: { archiveAfterDays: 0, dropAfterDays: 0 } }, call);
  const dropped = await archiveOfMonth('2019-01');
  expect(dropped).toMatchObject({ state: DROPPED, events: 4 });
  expect(await readdir(join(fileURLToPath(kindred.platform.artifactUrl), WORKSPACE, 'archives', dropped.id))).toEqual([]);
  // Neither the range's sums nor their recount from the data changes.
  await new LedgerRepository(database).reconcile(WORKSPACE);
  expect(await ledger()).toMatchObject({ ...before, difference: 0 });
  expect(await customer('policy-a')).toMatchObject({ eventCount: 0 });
  expect((await send([{ userId: 'policy-a', messageId: 'policy-first' }]))[0]?.outcome).toBe(STORED);
  await expect(kindred.retention.replayArchive({ archiveId: dropped.id, writeKey: '' }, call)).rejects.toMatchObject({ reason: 'ARCHIVE_DROPPED' });
});

test('a file that is not as it was written is told of and not used; a request that waits is cancelled', async () => {
  await send(month('2022-06', 'broken'));
  const waiting = await waitingRequest('2022-07-01T00:00:00Z');
  await expect(kindred.retention.archiveEvents({ before: '2022-07-01T00:00:00Z' }, call)).rejects.toMatchObject({ reason: 'ARCHIVING_ACTIVE' });
  expect((await kindred.retention.cancelArchiveRequest({ id: waiting }, call)).request).toMatchObject({ state: CANCELLED });
  await expect(kindred.retention.cancelArchiveRequest({ id: waiting }, call)).rejects.toMatchObject({ reason: 'ARCHIVE_REQUEST_ENDED' });
  expect(await liveIn('2022-06')).toBe(4);
  await archive('2022-07-01T00:00:00Z');
  const { id } = await archiveOfMonth('2022-06');
  await writeFile(join(fileURLToPath(kindred.platform.artifactUrl), WORKSPACE, 'archives', id, 'events.parquet'), 'not the file');
  const { request: replay } = await kindred.retention.replayArchive({ archiveId: id, writeKey: '' }, call);
  expect(await ended(replay)).toMatchObject({ state: retention.ArchiveRequestState.FAILED, eventsStored: 0, error: expect.stringContaining('backup') });
});

test('that a time was set to its bound is told by the receipt, from the table and from an archive', async () => {
  await send([{ userId: 'early', messageId: 'before-1970', timestamp: '1950-01-01T00:00:00Z' }, { userId: 'early', messageId: 'as-said', timestamp: '1970-01-02T00:00:00Z' }]);
  const both = async () => [await receipt('before-1970'), await receipt('as-said')];
  const before = await both();
  expect(before).toMatchObject([{ timeClamped: true, occurredAt: '1970-01-01T00:00:00.000Z' }, { timeClamped: false }]);
  expect(await archive('1971-01-01T00:00:00Z')).toMatchObject({ state: SUCCEEDED, eventsDone: 2 });
  expect(await both()).toEqual(before);
});
