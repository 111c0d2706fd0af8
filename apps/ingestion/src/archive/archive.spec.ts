import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { v7 as uuid } from 'uuid';

import { PrincipalSigner } from '#libs/auth';
import { ingestion, person, retention } from '#libs/contracts';

import { LedgerRepository } from '../ledger/ledger.repository.js';
import { ArchiveHouse, month } from '../testing/archive.house.js';
import { SECRET, WORKSPACE } from '../testing/ingestion-under-test.js';
import { tablesWith } from '../testing/tables-with.js';
import { workOff } from './archive.execution.js';
import { ARCHIVE_STEPS } from './archive.writer.js';
import { RetentionRepository } from './retention.repository.js';
import { RetentionSchedule } from './retention.schedule.js';
import { RetentionService } from './retention.service.js';

const { SUCCEEDED } = retention.ArchiveRequestState;
const { ARCHIVED, DROPPED } = retention.EventArchiveState;
const { STORED, DUPLICATE } = ingestion.EventOutcome;

let house: ArchiveHouse;
beforeAll(async () => {
  house = await ArchiveHouse.open();
});
afterAll(() => house?.close());

test('a month goes to a sorted file with a manifest, and customers, snapshots, duplicates and the ledger stay as they were', async () => {
  // Three at one moment: a page ends between them.
  const same = [1, 2, 3].map(() => ({ userId: 'one-a', timestamp: '2025-01-20T00:00:00Z' }));
  await house.send([...month('2025-01', 'one'), ...same, { userId: 'one-a', timestamp: '2025-02-10T00:00:00Z' }]);
  await house.send(month('2025-01', 'foreign'), house.otherCall);
  const id = (await house.customer('one-a'))?.id ?? '';
  const before = { snapshot: await house.snapshotEvents(), customer: await house.customer('one-a'), ledger: await house.ledger(), life: await house.lifeOf(id), receipt: await house.receipt('one-first') };
  expect(before.life.events).toHaveLength(6);

  expect(await house.archive('2025-02-01T00:00:00Z')).toMatchObject({ state: SUCCEEDED, eventsTotal: 7, eventsDone: 7, error: '', requestedBy: 'key:test' });
  const made = await house.archiveOfMonth('2025-01');
  expect(made).toMatchObject({ state: ARCHIVED, events: 7, periodEnd: '2025-02-01T00:00:00.000Z', firstOccurredAt: '2025-01-03T10:00:00.250Z', lastOccurredAt: '2025-01-20T00:00:00.000Z' });
  expect(await house.rowsOfMonth('2025-01')).toHaveLength(0);
  expect((await house.rowsIn(made.id))[0]).toMatchObject({
    name: 'Line\nbreak "quoted", and more', message_id: 'one-first', user_id: 'one-a', anonymous_id: null,
    properties: '{"empty": "", "nested": {"odd \\"key\\"": [1, null]}, "revenue": 2.5}',
  });
  const folder = house.folder(made.id);
  expect(JSON.parse(await readFile(join(folder, 'events.json'), 'utf8'))).toMatchObject({ format: 'kindred.archive/1', events: 7, sha256: made.sha256, path: 'events.parquet' });

  expect(await house.snapshotEvents()).toEqual(before.snapshot);
  // An archive knows which events it holds, and none of their properties.
  const named = { events: ['Line\nbreak "quoted", and more', 'Nothing Such'], properties: ['revenue', 'nothing'], numbers: ['nothing'] };
  expect(await house.kindred.snapshots.findMissingNames(named, house.call)).toEqual({ events: ['Nothing Such'], properties: [], numbers: [] });
  expect(await house.customer('one-a')).toEqual({ ...before.customer, archivedEventCount: 5 });
  expect(await house.lifeOf(id)).toEqual(before.life);
  await house.send([{ userId: 'one-recent', timestamp: '2025-02-11T00:00:00Z' }]);
  const recent = (await house.customer('one-recent'))?.id ?? '';
  for (const first of [1, 2, 9]) {
    const page = { first, after: '' };
    const { customers } = await house.kindred.events.listEventsOfCustomers({ customerIds: [recent, id], page, withTotal: true }, house.call);
    expect(customers).toEqual([await house.kindred.eventsOf(recent, page), await house.kindred.eventsOf(id, page)]);
  }
  expect(await house.receipt('one-first')).toEqual(before.receipt);
  const [again] = await house.send([{ userId: 'one-a', messageId: 'one-first', timestamp: '2025-03-01T00:00:00Z' }]);
  expect(again?.outcome).toBe(DUPLICATE);
  expect(await house.ledger()).toMatchObject({ received: before.ledger.received + 2, stored: before.ledger.stored + 1, duplicate: before.ledger.duplicate + 1 });
  // The other workspace's events are where they were, and so is the month.
  expect((await house.kindred.sql.query('SELECT FROM ingestion.events_2025_01')).rowCount).toBe(4);
});

test.each(ARCHIVE_STEPS)('a process that dies when it has %s loses nothing and doubles nothing', async (step) => {
  const text = `2024-${String(ARCHIVE_STEPS.indexOf(step) + 1).padStart(2, '0')}`;
  await house.send(month(text, `crash-${text}`));
  const before = await house.snapshotEvents();
  const end = new Date(`${text}-01T00:00:00Z`);
  end.setUTCMonth(end.getUTCMonth() + 1);
  const request = { id: await house.waitingRequest(end.toISOString()) };
  const attempt = async (reached: (at: string) => void) => {
    const row = await house.rooms.requests.begin(WORKSPACE, request.id);
    if (row) await workOff(house.rooms, { workspaceId: WORKSPACE, id: request.id, fence: row.fence }, row, new AbortController().signal, reached);
  };
  await expect(attempt((reached) => {
    if (reached === step) throw new Error('died');
  })).rejects.toThrow('died');
  expect(await house.snapshotEvents()).toEqual(before);
  await attempt(() => undefined);
  expect(await house.snapshotEvents()).toEqual(before);
  expect(await house.rowsOfMonth(text)).toHaveLength(0);
  const made = (await house.archives()).filter(({ periodStart }) => periodStart?.startsWith(text));
  expect(made).toMatchObject([{ state: ARCHIVED, events: 4 }]);
  expect(await house.rooms.requests.find(WORKSPACE, request.id)).toMatchObject({ events_total: '4', events_done: '4' });
  const row = await house.rooms.requests.find(WORKSPACE, request.id);
  await house.rooms.requests.end({ workspaceId: WORKSPACE, id: request.id, fence: row?.fence ?? 0 }, 'SUCCEEDED');
  // Half-made files went with their rows.
  const folders = await readdir(house.folder());
  expect(folders.sort()).toEqual((await house.archives()).map(({ id }) => id).sort());
});

test('a month that is empty for everybody is dropped, and a late event makes it anew and a second archive of it', async () => {
  await house.send(month('2023-05', 'late'));
  await house.archive('2023-06-01T00:00:00Z');
  expect((await house.kindred.sql.query(`SELECT to_regclass('ingestion.events_2023_05') AS there`)).rows).toEqual([{ there: null }]);
  const [result] = await house.send([{ userId: 'late-a', timestamp: '2023-05-20T00:00:00Z' }]);
  expect(result?.outcome).toBe(STORED);
  expect(await house.customer('late-a')).toMatchObject({ eventCount: 3, archivedEventCount: 2 });
  await house.archive('2023-06-01T00:00:00Z');
  expect((await house.archives()).filter(({ periodStart }) => periodStart?.startsWith('2023-05')).map(({ events }) => events).sort()).toEqual([1, 4]);
  expect(await house.customer('late-a')).toMatchObject({ eventCount: 3, archivedEventCount: 3 });
});

test('a request that would find nothing is not begun, and why is told', async () => {
  const asked = (before: string, as: typeof house.call) => house.kindred.retention.archiveEvents({ before }, as);
  await expect(asked('2001-01-01T00:00:00Z', house.call)).rejects.toMatchObject({ reason: 'NOTHING_TO_ARCHIVE', message: expect.stringMatching(/a month that ends at 20\d\d-\d\d-01T/) as string });
  const emptyCall = { principal: await new PrincipalSigner(SECRET).sign({ workspaceId: uuid(), actor: 'key:empty', role: 'ADMIN' }) };
  await expect(asked('2026-01-01T00:00:00Z', emptyCall)).rejects.toMatchObject({ reason: 'NOTHING_TO_ARCHIVE', message: expect.stringContaining('No events are in the database') as string });
  const unsettled = { workspaceId: WORKSPACE, actor: 'key:test' };
  await house.send([{ userId: 'unsettled', timestamp: '2020-03-01T00:00:00Z' }]);
  const service = new RetentionService({ archives: house.rooms.archives, settleMs: 3_600_000 } as never, undefined as never);
  await expect(service.archive(unsettled, '2020-04-01T00:00:00Z')).rejects.toThrow(/arrived after .* they wait/);
});

test('an undone merge holds for archived events too', async () => {
  await house.send([
    { anonymousId: 'split-device', timestamp: '2022-01-02T00:00:00Z' },
    { anonymousId: 'split-device', userId: 'split-user', timestamp: '2022-01-03T00:00:00Z' },
  ]);
  const merges = async () => {
    const { customers } = await house.kindred.identity.listMergesOfCustomers({ customerIds: [(await house.customer('split-user'))?.id ?? ''], page: undefined, withTotal: false }, house.call);
    return customers[0]?.merges ?? [];
  };
  const before = await merges();
  expect(before[0]?.event).toBeDefined();
  await house.archive('2022-02-01T00:00:00Z');
  expect(await house.customer('split-user')).toMatchObject({ eventCount: 2, archivedEventCount: 2 });
  // Also the event that joined them is still shown.
  expect(await merges()).toEqual(before);
  expect((await house.kindred.identity.undoMerge({ id: before[0]?.id ?? '' }, house.call)).merge?.event).toEqual(before[0]?.event);
  expect(await house.customer('split-user')).toMatchObject({ eventCount: 1 });
  const device = await house.kindred.customers.resolveCustomer({ key: { $case: 'anonymousId', value: 'split-device' } }, house.call);
  expect(device.customer).toMatchObject({ eventCount: 1 });
  // A snapshot has the customers of its last event.
  await house.send([{ userId: 'split-other' }]);
  const rows = (await house.snapshotEvents()).map((row) => JSON.parse(row) as { customer: string });
  expect(rows.filter((row) => row.customer === device.customer?.id)).toHaveLength(1);
});

test('a person is exported with archived events and erased from the files, and nobody else is', async () => {
  await house.send([...month('2021-01', 'gone'), { userId: 'gone-friend', anonymousId: 'gone-device', timestamp: '2021-01-09T00:00:00Z' }]);
  await house.archive('2021-02-01T00:00:00Z');
  const { id } = await house.archiveOfMonth('2021-01');
  expect((await house.send([{ userId: 'gone-a', messageId: 'gone-first' }]))[0]?.outcome).toBe(DUPLICATE);
  const receipt = await house.receipt('gone-first');
  const exported = await house.askForPerson(person.PersonRequestKind.EXPORT, 'gone-a');
  const lines = (await readFile(await house.artifacts.localFile(exported.artifact), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ type }) => type === 'track')).toMatchObject([
    { type: 'track', event: 'Line\nbreak "quoted", and more', userId: 'gone-a', messageId: 'gone-first', timestamp: '2021-01-03T10:00:00.250000Z', properties: { revenue: 2.5 } },
    { type: 'track', anonymousId: 'gone-device', context: { page: { url: 'https://example.org' } } },
  ]);

  const erased = await house.askForPerson(person.PersonRequestKind.ERASE, 'gone-a');
  expect(erased.error).toBe('');
  expect(Object.fromEntries(erased.tables.map(({ table, rows }) => [table, rows]))).toMatchObject({
    'ingestion.event_archives (events)': 2, 'ingestion.event_archives (ids taken out)': 1, 'ingestion.event_archives (files written anew)': 1,
  });
  const left = await house.rowsIn(id);
  expect(left.map(({ user_id, anonymous_id }) => [user_id, anonymous_id])).toEqual([['gone-b', null], ['gone-b', null], ['gone-friend', null]]);
  // The old file is gone with its manifest; a retry of an erased event stays a duplicate.
  expect(await readdir(house.folder(id))).toHaveLength(2);
  expect((await house.archiveOfMonth('2021-01')).events).toBe(3);
  expect((await house.send([{ userId: 'gone-a', messageId: 'gone-first' }]))[0]?.outcome).toBe(DUPLICATE);
  expect(await house.receipt('gone-first')).toEqual({ ...receipt, customerId: '' });
  expect(await tablesWith(house.kindred.sql, 'gone-first')).toEqual([]);
  await new LedgerRepository(house.database).reconcile(WORKSPACE);
  expect((await house.ledger()).difference).toBe(0);
});

test('a policy archives and, later, drops: then message ids have gone with their events', async () => {
  const policies = new RetentionRepository(house.database);
  const service = new RetentionService({ policies, archives: house.rooms.archives, requests: house.rooms.requests, queue: { enqueue: () => Promise.resolve() } as never, keys: undefined as never, settleMs: 0 }, undefined as never);
  const schedule = new RetentionSchedule(policies, house.rooms.archives, service, 0, undefined as never);
  await house.send(month('2019-01', 'policy'));
  for (const [policy, reason] of [[{ archiveAfterDays: 0, dropAfterDays: 5 }, /archiveAfterDays/], [{ archiveAfterDays: 9, dropAfterDays: 5 }, /less/]] as const) {
    await expect(house.kindred.retention.setRetentionPolicy({ policy }, house.call)).rejects.toThrow(reason);
  }
  await house.kindred.retention.setRetentionPolicy({ policy: { archiveAfterDays: 30, dropAfterDays: 400 } }, house.call);
  expect((await house.kindred.retention.getRetentionPolicy({}, house.call)).policy).toEqual({ archiveAfterDays: 30, dropAfterDays: 400 });
  const apply = async (now: string) => {
    await schedule.apply(new Date(now));
    const { requests } = await house.kindred.retention.listArchiveRequests({ page: { first: 1, after: '' } }, house.call);
    return house.ended(requests[0]);
  };
  await house.send([{ userId: 'policy-a', messageId: 'policy-first' }]);
  // Years before 2020 are archived whole.
  expect(await apply('2020-02-15T00:00:00Z')).toMatchObject({ requestedBy: 'policy', state: SUCCEEDED, eventsDone: 4 });
  expect(await house.archiveOfMonth('2019-01')).toMatchObject({ state: ARCHIVED, periodEnd: '2020-01-01T00:00:00.000Z' });
  const { received, stored, duplicate } = await house.ledger();
  const before = { received, stored, duplicate };
  await apply('2021-02-15T00:00:00Z');
  // What the hourly round of the service would archive and drop of the other tests.
  await house.kindred.retention.setRetentionPolicy({ policy: { archiveAfterDays: 0, dropAfterDays: 0 } }, house.call);
  const dropped = await house.archiveOfMonth('2019-01');
  expect(dropped).toMatchObject({ state: DROPPED, events: 4 });
  expect(await readdir(house.folder(dropped.id))).toEqual([]);
  // Neither the range's sums nor their recount from the data changes.
  await new LedgerRepository(house.database).reconcile(WORKSPACE);
  expect(await house.ledger()).toMatchObject({ ...before, difference: 0 });
  expect(await house.customer('policy-a')).toMatchObject({ eventCount: 0 });
  expect((await house.send([{ userId: 'policy-a', messageId: 'policy-first' }]))[0]?.outcome).toBe(STORED);
  await expect(house.kindred.retention.replayArchive({ archiveId: dropped.id, writeKey: '' }, house.call)).rejects.toMatchObject({ reason: 'ARCHIVE_DROPPED' });
});

test('that a time was set to its bound is told by the receipt, from the table and from an archive', async () => {
  await house.send([{ userId: 'early', messageId: 'before-1970', timestamp: '1950-01-01T00:00:00Z' }, { userId: 'early', messageId: 'as-said', timestamp: '1970-01-02T00:00:00Z' }]);
  const both = async () => [await house.receipt('before-1970'), await house.receipt('as-said')];
  const before = await both();
  expect(before).toMatchObject([{ timeClamped: true, occurredAt: '1970-01-01T00:00:00.000Z' }, { timeClamped: false }]);
  expect(await house.archive('1971-01-01T00:00:00Z')).toMatchObject({ state: SUCCEEDED, eventsDone: 2 });
  expect(await both()).toEqual(before);
});
