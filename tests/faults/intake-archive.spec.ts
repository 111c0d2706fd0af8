import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { DuckDBInstance } from '@duckdb/node-api';
import { Client } from 'pg';

import { retention } from '#libs/contracts';
import { connect, type RpcClient } from '#libs/grpc';

import { IntakeHouse, isLong, type IngestionProcess, WORKSPACE } from './intake-house.js';
import { AUTHORIZATION } from './intake-load.js';

const EVENTS = isLong ? 20_000 : 2_000;
const BATCH = 500;

let house: IntakeHouse;
let service: IngestionProcess;
let archives: RpcClient<typeof retention.RetentionServiceService>;
let holder: Client;
beforeAll(async () => {
  house = await IntakeHouse.open();
  service = await house.start(undefined, SETTLED);
  archives = connect(retention.RetentionServiceService, service.grpc);
  holder = await house.connection();
}, 120_000);
afterAll(async () => {
  archives?.close();
  await holder?.end();
  await house?.close();
});

/** As if nothing had ever been archived. */
async function afresh(): Promise<void> {
  await house.rows('TRUNCATE ingestion.event_archives, ingestion.archived_subjects');
  await rm(join(house.artifacts, WORKSPACE, 'archives'), { recursive: true, force: true });
}
/** What was read is archived at once. */
const SETTLED = { ARCHIVE_SETTLE_SECONDS: '0' };
const until = async (isSo: () => Promise<boolean>) => {
  for (const began = Date.now(); !(await isSo()); await wait(2)) if (Date.now() - began > 60_000) throw new Error('it never came to be');
};
const waits = (what: string) => house.rows('SELECT FROM pg_stat_activity WHERE wait_event_type = $1 AND query ILIKE $2', ['Lock', `%${what}%`]).then(({ length }) => length > 0);
const inState = (state: string) => house.rows('SELECT FROM ingestion.event_archives WHERE state = $1', [state]).then(({ length }) => length > 0);

/**
 * Places at which the process is killed: what is held so that it stays there, and how it is seen that it is there. What
 * is held is let go once it is dead.
 */
const PLACES = {
  'a month is being copied': { hold: [], isThere: () => inState('WRITING'), leaves: 'WRITING' },
  'the file is written and verified': {
    hold: [`SELECT pg_advisory_xact_lock_shared(hashtextextended('archives:${WORKSPACE}', 0))`], isThere: () => waits('pg_advisory_xact_lock(hashtextextended'), leaves: 'WRITING',
  },
  'events are being taken out': { hold: ['SELECT FROM ingestion.events ORDER BY sequence DESC LIMIT 1 FOR UPDATE'], isThere: () => waits('DELETE FROM ingestion.events'), leaves: 'WRITING' },
  'the events have just gone': { hold: [], isThere: () => inState('ARCHIVED'), leaves: 'ARCHIVED' },
} as const;
type Place = keyof typeof PLACES;

async function post(month: string): Promise<string[]> {
  const ids = Array.from({ length: EVENTS }, (_, at) => `${month} ${at}`);
  for (let from = 0; from < ids.length; from += BATCH) {
    const batch = ids.slice(from, from + BATCH).map((messageId, at) => ({
      type: 'track', event: 'Seen', userId: `u${at % 50}`, messageId, timestamp: new Date(Date.parse(`${month}-02T00:00:00Z`) + (from + at) * 1000).toISOString(), properties: { at },
    }));
    const response = await fetch(`${service.url}/v1/batch`, { method: 'POST', headers: { authorization: AUTHORIZATION }, body: JSON.stringify({ batch }) });
    expect(response.status).toBe(200);
  }
  return ids;
}

/** Every message id of the table and of the files that are in force, as often as it is there. */
async function messageIds(): Promise<string[]> {
  const live = await house.rows<{ message_id: string }>('SELECT message_id FROM ingestion.events');
  const files = await house.rows<{ artifact: string }>(`SELECT artifact FROM ingestion.event_archives WHERE state = 'ARCHIVED'`);
  if (files.length === 0) return live.map(({ message_id }) => message_id);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const list = files.map(({ artifact }) => `'${join(house.artifacts, artifact)}'`).join(', ');
  const archived = (await connection.runAndReadAll(`SELECT message_id FROM read_parquet([${list}])`)).getRows();
  connection.closeSync();
  instance.closeSync();
  return [...live.map(({ message_id }) => message_id), ...archived.map(([id]) => String(id))];
}

async function ended(request: retention.ArchiveRequest | undefined): Promise<retention.ArchiveRequest | undefined> {
  const principal = await house.principal();
  let seen: retention.ArchiveRequest | undefined;
  await until(async () => {
    seen = (await archives.getArchiveRequest({ id: request?.id ?? '' }, { principal }).catch(() => undefined))?.request;
    return seen?.finishedAt !== undefined;
  });
  return seen;
}

/** Ingestion dies there, and what it began is ended by the next. */
async function killAt(place: Place, month: string): Promise<void> {
  const sent = await post(month);
  const { hold, isThere, leaves } = PLACES[place];
  await holder.query('BEGIN');
  for (const sql of hold) await holder.query(sql);
  const end = new Date(Date.parse(`${month}-01T00:00:00Z`) + 40 * 86_400_000).toISOString().slice(0, 7);
  const { request } = await archives.archiveEvents({ before: `${end}-01T00:00:00Z` }, { principal: await house.principal() });
  await until(isThere);
  await service.kill();
  await holder.query('ROLLBACK');
  expect(await house.rows('SELECT state FROM ingestion.event_archives')).toEqual([{ state: leaves }]);
  // Dead, and everything is where it was, once.
  expect((await messageIds()).sort()).toEqual([...sent].sort());

  service = await house.start(service, SETTLED);
  expect(await ended(request)).toMatchObject({ state: retention.ArchiveRequestState.SUCCEEDED, eventsDone: EVENTS, error: '' });
  expect((await messageIds()).sort()).toEqual([...sent].sort());
  expect(await house.rows('SELECT FROM ingestion.events')).toEqual([]);
  const kept = await house.rows<{ id: string }>('SELECT id FROM ingestion.event_archives');
  expect((await readdir(join(house.artifacts, WORKSPACE, 'archives'))).sort()).toEqual(kept.map(({ id }) => id).sort());
}

// In `npm test` only where it could do harm.
const places = (isLong ? Object.keys(PLACES) : ['the file is written and verified', 'events are being taken out']) as Place[];

test.each(places)('ingestion killed with -9 while %s loses no event, keeps none twice, and ends what it began', async (place) => {
  await afresh();
  const month = `20${21 + places.indexOf(place)}-03`;
  await killAt(place, month);

  // The same events once more are duplicates, though nothing of them is in the table.
  await post(month);
  expect(await house.rows('SELECT FROM ingestion.events')).toEqual([]);
  const [{ duplicates } = { duplicates: 0 }] = await house.rows<{ duplicates: number }>('SELECT count(*)::int AS duplicates FROM ingestion.duplicate_events WHERE message_id LIKE $1', [`${month} %`]);
  expect(duplicates).toBe(EVENTS);
}, 120_000);

test('ingestion killed with -9 while an archive is being dropped drops it to its end, and the ledger still counts what was', async () => {
  await afresh();
  await post('2020-05');
  const before = await archives.archiveEvents({ before: '2020-06-01T00:00:00Z' }, { principal: await house.principal() });
  await ended(before.request);
  await holder.query('BEGIN');
  await holder.query(`SELECT FROM ingestion.message_ids WHERE message_id = '2020-05 7' FOR UPDATE`);
  // As the hourly look at policies asks for it.
  const [asked] = await house.rows<{ id: string }>(
    `WITH asked AS (
       INSERT INTO ingestion.archive_requests (workspace_id, id, kind, state, requested_by, archive_before, drop_before)
       VALUES ($1, gen_random_uuid(), 'ARCHIVE', 'QUEUED', 'policy', '2020-06-01', '2020-06-01') RETURNING workspace_id, id
     ) INSERT INTO ingestion.open_archive_requests SELECT workspace_id, id FROM asked RETURNING id`,
    [WORKSPACE],
  );
  await until(() => waits('DELETE FROM ingestion.message_ids'));
  await service.kill();
  await holder.query('ROLLBACK');
  expect(await house.rows('SELECT state FROM ingestion.event_archives')).toEqual([{ state: 'DROPPING' }]);
  service = await house.start(service, SETTLED);
  expect(await ended({ id: asked?.id } as retention.ArchiveRequest)).toMatchObject({ state: retention.ArchiveRequestState.SUCCEEDED, error: '' });
  expect(await messageIds()).toEqual([]);
  expect(await house.rows(`SELECT FROM ingestion.message_ids WHERE message_id LIKE '2020-05 %'`)).toEqual([]);
  // What arrived is told as before; each message id was counted out once.
  const sums = await house.rows<{ gone: number }>('SELECT sum(stored)::int AS gone FROM ingestion.ledger_drops');
  expect(sums).toEqual([{ gone: EVENTS }]);
  const folders = await readdir(join(house.artifacts, WORKSPACE, 'archives'));
  for (const folder of folders) expect(await readdir(join(house.artifacts, WORKSPACE, 'archives', folder))).toEqual([]);
}, 120_000);
