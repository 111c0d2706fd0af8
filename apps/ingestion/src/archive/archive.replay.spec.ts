import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { retention } from '#libs/contracts';

import { ArchiveHouse, month } from '../testing/archive.house.js';
import { OTHER_WORKSPACE, OTHER_WRITE_KEY, VIEWER_KEY, WORKSPACE } from '../testing/ingestion-under-test.js';

const { SUCCEEDED, CANCELLED } = retention.ArchiveRequestState;

let house: ArchiveHouse;
beforeAll(async () => {
  house = await ArchiveHouse.open();
});
afterAll(() => house?.close());

test('archived events are replayed into another workspace once, however often', async () => {
  await house.send(month('2023-01', 'replayed'));
  await house.archive('2023-02-01T00:00:00Z');
  const { id } = await house.archiveOfMonth('2023-01');
  const replay = async (writeKey: string) => house.ended((await house.kindred.retention.replayArchive({ archiveId: id, writeKey }, house.call)).request);
  expect(await replay(OTHER_WRITE_KEY)).toMatchObject({ state: SUCCEEDED, eventsTotal: 4, eventsDone: 4, eventsStored: 4, eventsDuplicate: 0, eventsRejected: 0 });
  expect(await replay(OTHER_WRITE_KEY)).toMatchObject({ state: SUCCEEDED, eventsStored: 0, eventsDuplicate: 4 });
  expect(await replay('')).toMatchObject({ state: SUCCEEDED, eventsStored: 0, eventsDuplicate: 4 });
  const { rows } = await house.kindred.sql.query(
    `SELECT workspace_id, name, occurred_at, properties, user_id FROM ingestion.events WHERE message_id = 'replayed-first'`,
  );
  expect(rows).toEqual([{
    workspace_id: OTHER_WORKSPACE, name: 'Line\nbreak "quoted", and more', occurred_at: new Date('2023-01-03T10:00:00.250Z'), user_id: 'replayed-a',
    properties: { revenue: 2.5, empty: '', nested: { 'odd "key"': [1, null] } },
  }]);
  const { received, stored, duplicate, rejected } = await house.ledger(house.otherCall);
  expect(received).toBe(stored + duplicate + rejected);
  await expect(house.kindred.retention.replayArchive({ archiveId: id, writeKey: VIEWER_KEY }, house.call)).rejects.toMatchObject({ reason: 'KEY_REFUSED' });
  await expect(house.kindred.retention.replayArchive({ archiveId: WORKSPACE, writeKey: '' }, house.call)).rejects.toMatchObject({ reason: 'ARCHIVE_UNKNOWN' });
});

test('what the target refuses of an archive lies in its quarantine once, however often it is replayed', async () => {
  await house.send(month('2023-02', 'unwanted'));
  await house.archive('2023-03-01T00:00:00Z');
  const { id } = await house.archiveOfMonth('2023-02');
  await house.kindred.identity.setBlockedId({ value: 'unwanted-b', blocked: true }, house.otherCall);
  const replay = async () => house.ended((await house.kindred.retention.replayArchive({ archiveId: id, writeKey: OTHER_WRITE_KEY }, house.call)).request);
  const { rejected: before } = await house.ledger(house.otherCall);
  for (let time = 0; time < 2; time++) {
    expect(await replay()).toMatchObject({ state: SUCCEEDED, eventsRejected: 2 });
    expect((await house.ledger(house.otherCall)).rejected).toBe(before + 2);
  }
});

test('a file that is not as it was written is told of and not used; a request that waits is cancelled', async () => {
  await house.send(month('2022-06', 'broken'));
  const waiting = await house.waitingRequest('2022-07-01T00:00:00Z');
  await expect(house.kindred.retention.archiveEvents({ before: '2022-07-01T00:00:00Z' }, house.call)).rejects.toMatchObject({ reason: 'ARCHIVING_ACTIVE' });
  expect((await house.kindred.retention.cancelArchiveRequest({ id: waiting }, house.call)).request).toMatchObject({ state: CANCELLED });
  await expect(house.kindred.retention.cancelArchiveRequest({ id: waiting }, house.call)).rejects.toMatchObject({ reason: 'ARCHIVE_REQUEST_ENDED' });
  expect(await house.rowsOfMonth('2022-06')).toHaveLength(4);
  await house.archive('2022-07-01T00:00:00Z');
  const { id } = await house.archiveOfMonth('2022-06');
  await writeFile(join(house.folder(id), 'events.parquet'), 'not the file');
  const { request: replay } = await house.kindred.retention.replayArchive({ archiveId: id, writeKey: '' }, house.call);
  expect(await house.ended(replay)).toMatchObject({ state: retention.ArchiveRequestState.FAILED, eventsStored: 0, error: expect.stringContaining('backup') });
});
