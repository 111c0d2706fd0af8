import { readdir } from 'node:fs/promises';

import { ingestion, retention } from '#libs/contracts';

import { ArchiveHouse, month } from '../testing/archive.house.js';
import { WORKSPACE } from '../testing/ingestion-under-test.js';
import { PersonArchives } from './archive.person.js';
import { ArchiveOvertaken, type ArchiveRow } from './archive.repository.js';
import type { ArchiveRequestRepository } from './archive.request.repository.js';
import { restoreArchive } from './archive.restore.js';

const { SUCCEEDED } = retention.ArchiveRequestState;
const { RESTORED } = retention.EventArchiveState;
const { DUPLICATE } = ingestion.EventOutcome;

let house: ArchiveHouse;
beforeAll(async () => {
  house = await ArchiveHouse.open();
});
afterAll(() => house?.close());

test('an archive is restored to the very rows that it was made of, once, and is kept from the policy for a while', async () => {
  await house.send([...month('2022-09', 'back'), { type: 'group', groupId: 'without a person', timestamp: '2022-09-08T00:00:00Z' }]);
  const id = (await house.customer('back-a'))?.id ?? '';
  const look = async () => ({ rows: await house.rowsOfMonth('2022-09'), life: await house.lifeOf(id), customer: await house.customer('back-a'), ledger: { ...(await house.ledger()), asOf: '' }, snapshot: await house.snapshotEvents() });
  const before = await look();
  await house.archive('2022-10-01T00:00:00Z');
  expect(await house.rowsOfMonth('2022-09')).toEqual([]);
  const made = await house.archiveOfMonth('2022-09');
  // One that dies before it has said so leaves the table as it was.
  const row = await house.rooms.archives.find(WORKSPACE, made.id);
  const dying = { setRemaining: () => Promise.resolve(), addMoved: () => Promise.reject(new Error('died')) } as unknown as ArchiveRequestRepository;
  const attempt = { workspaceId: WORKSPACE, id: made.id, fence: 1 };
  await expect(restoreArchive({ ...house.rooms, requests: dying }, attempt, { archive: row as ArchiveRow, keepDays: 1 }, new AbortController().signal)).rejects.toThrow('died');
  expect(await house.rowsOfMonth('2022-09')).toEqual([]);
  const restore = async (archiveId: string) => (await house.kindred.retention.restoreArchive({ archiveId, keepDays: 0 }, house.call)).request;
  // Asked twice at once it is one request.
  const [first, second] = await Promise.all([restore(made.id), restore(made.id)]);
  expect(second?.id).toBe(first?.id);
  expect(await house.ended(first)).toMatchObject({ state: SUCCEEDED, kind: retention.ArchiveRequestKind.RESTORE, eventsTotal: 5, eventsDone: 5, error: '' });
  expect(await look()).toEqual(before);
  expect((await house.send([{ userId: 'back-a', messageId: 'back-first' }]))[0]?.outcome).toBe(DUPLICATE);
  const restored = await house.archiveOfMonth('2022-09');
  expect(restored).toMatchObject({ state: RESTORED, events: 5 });
  expect(Date.parse(restored.keptUntil ?? '') - Date.parse(restored.restoredAt ?? '')).toBe(30 * 86_400_000);
  expect(await readdir(house.folder(made.id))).toEqual([]);
  expect((await restore(made.id))?.id).toBe(first?.id);
  await expect(house.kindred.retention.replayArchive({ archiveId: made.id, writeKey: '' }, house.call)).rejects.toMatchObject({ reason: 'ARCHIVE_DROPPED' });
  await expect(restore(WORKSPACE)).rejects.toMatchObject({ reason: 'ARCHIVE_UNKNOWN' });

  const due = async (isPolicy: boolean) => (await house.rooms.archives.due(WORKSPACE, '2022-10-01T00:00:00Z', new Date(), { isPolicy })).map(({ period_start }) => period_start.slice(0, 7));
  expect(await due(true)).not.toContain('2022-09');
  expect(await due(false)).toContain('2022-09');
  await house.archive('2022-10-01T00:00:00Z');
  expect(await house.lifeOf(id)).toEqual(before.life);
});

test('an archive from which a person was erased while it was restored comes back without them', async () => {
  await house.send(month('2022-11', 'race'));
  await house.archive('2022-12-01T00:00:00Z');
  const made = await house.archiveOfMonth('2022-11');
  const subjects = async () => (await house.kindred.sql.query<{ id: string }>(`SELECT id FROM ingestion.subjects WHERE external_id IN ('race-a', 'race-device')`)).rows.map(({ id }) => id);
  const forgotten = { subjectIds: await subjects(), userIds: ['race-a'], anonymousIds: ['race-device'] };
  const row = await house.rooms.archives.find(WORKSPACE, made.id);
  if (!row) throw new Error('no archive');
  // What was read before the file was written anew is not put back.
  const pages = async function* () {
    await new PersonArchives(house.rooms.archives, house.artifacts, house.rooms.scratch).forget(WORKSPACE, forgotten, () => Promise.resolve());
    yield* [];
  };
  await expect(house.rooms.archives.putBack(WORKSPACE, { ...row, events: '0', digest: '0' }, 1, pages(), () => Promise.resolve())).rejects.toThrow(ArchiveOvertaken);
  expect(await house.ended((await house.kindred.retention.restoreArchive({ archiveId: made.id, keepDays: 1 }, house.call)).request)).toMatchObject({ state: SUCCEEDED, eventsDone: 2 });
  expect((await house.rowsOfMonth('2022-11')).map(({ user_id }) => user_id)).toEqual(['race-b', 'race-b']);
});
