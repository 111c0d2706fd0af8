import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { ingestion } from '#libs/contracts';
import { DuckDBInstance } from '#libs/duckdb';

import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';
import type { Manifest } from './snapshot.manifest.js';

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

let count = 0;
const send = async (...events: object[]) => {
  const encoded = events.map((event) => Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', messageId: `s${count++}`, ...event })));
  return kindred.events.trackEvents({ events: encoded, sentAt: undefined }, call);
};

async function snapshot(requestId: string, position?: ingestion.Snapshot['position']): Promise<ingestion.Snapshot> {
  for await (const { event } of kindred.snapshots.createSnapshot({ requestId, position }, call)) {
    if (event?.$case === 'snapshot') return event.value;
  }
  throw new Error('the stream ended without a snapshot');
}

const manifestIn = async (uri: string) => JSON.parse(await readFile(join(fileURLToPath(uri), 'manifest.json'), 'utf8')) as Manifest;

async function rowsOf(uri: string): Promise<Record<string, unknown>[]> {
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect();
  await duckdb.run("SET TimeZone = 'UTC'");
  const answer = await duckdb.runAndReadAll(`SELECT * FROM read_parquet('${fileURLToPath(uri)}/*.parquet', file_row_number = true) ORDER BY file_row_number`);
  return answer.getRowObjectsJson();
}

test('without events there is nothing to learn from, and nothing is left behind', async () => {
  await expect(snapshot('empty')).rejects.toMatchObject({ reason: 'NO_EVENTS' });
});

test('a snapshot holds every behaviour event, sorted, with typed columns, items, and the rest', async () => {
  await send(
    { userId: 'b', timestamp: '2026-01-02T00:00:00Z', properties: { revenue: 5, country: 'UK', gift: true, products: [{ product_id: 'x', price: 1.5 }, { product_id: 7, price: 2 }] } },
    { userId: 'b', timestamp: '2026-01-01T00:00:00Z', event: 'Line\nbreak "quoted"', properties: { revenue: 2.5, 'odd "key"': "o'k", at: '2026-01-01T10:00:00Z', Revenue: 9 } },
    { type: 'page', anonymousId: 'visitor', name: 'Home', timestamp: '2026-01-03T00:00:00Z', properties: { address: { city: 'Bath' } } },
    { type: 'identify', userId: 'b', traits: { plan: 'pro' } },
    ...Array.from({ length: 40 }, () => ({ userId: 'c', properties: { revenue: 1 } })),
    { userId: 'c', properties: { revenue: 'unknown' }, timestamp: '2025-01-01T00:00:00Z' },
  );
  await send({ userId: 'b', anonymousId: 'visitor', timestamp: '2026-01-04T00:00:00Z' });
  const made = await snapshot('first');
  const manifest = await manifestIn(made.uri);
  expect(manifest).toMatchObject({ format: 'kindred.snapshot/1', workspaceId: WORKSPACE, events: 45, customers: 2, clock: 'LIVE', valueProperty: null });
  expect(Object.fromEntries(manifest.columns.map(({ column, kind }) => [column, kind]))).toEqual({
    'p:revenue': 'numeric', 'p:country': 'categorical', 'p:gift': 'boolean', 'p:at': 'time', 'p:name': 'categorical', 'p:odd "key"': 'categorical',
  });
  expect(manifest.items).toEqual([
    { column: 'i:products', property: 'products', fields: [{ name: 'price', kind: 'numeric' }, { name: 'product_id', kind: 'categorical' }] },
  ]);
  const rows = await rowsOf(made.uri);
  expect(rows).toHaveLength(45);
  const keys = rows.map(({ customer, occurred_at }) => `${String(customer)} ${String(occurred_at)}`);
  expect(keys).toEqual([...keys].sort());
  const b = rows.filter(({ customer }) => customer === rows.find((row) => row['p:country'] === 'UK')?.['customer']);
  expect(b.map(({ name }) => name)).toEqual(['Line\nbreak "quoted"', 'Seen', 'Page Viewed', 'Seen']);
  expect(b[0]).toMatchObject({ 'p:revenue': 2.5, 'p:odd "key"': "o'k", 'p:at': '2026-01-01 10:00:00+00', rest: '{"Revenue":9}' });
  expect(b[1]).toMatchObject({ 'p:gift': true, 'i:products': [{ price: 1.5, product_id: 'x' }, { price: 2, product_id: '7' }], rest: null });
  expect(b[2]).toMatchObject({ rest: '{"address":{"city":"Bath"}}', 'p:name': 'Home' });
  expect(rows.filter(({ rest }) => rest === '{"revenue":"unknown"}')).toHaveLength(1);
});

test('names that nothing in a snapshot would have are found, and no others', async () => {
  const asked = {
    events: ['Seen', 'Page Viewed', 'Nothing Such'],
    properties: ['revenue', 'products', 'odd "key"', 'city', 'plan', 'products.price', 'products.prize', 'address.city', 'sku.codes.ean', 'sku.codes.isbn', 'sku.codes.odd "key"', 'sku.codes.', '.', 'tags.new'],
    numbers: ['revenue', 'country', 'gift', 'sku.weight'],
  };
  await send({ userId: 'b', properties: { 'sku.codes': [null, 'ean', { ean: 1, 'odd "key"': 2 }], 'sku.weight': 2, tags: ['new'] } });
  // A city lies in an address only, which is no list; a plan is what identify said; and a tag is no item with fields.
  const missing = await kindred.snapshots.findMissingNames(asked, call);
  expect({ ...missing, properties: asked.properties.filter((name) => missing.properties.includes(name)) }).toEqual({
    events: ['Nothing Such'], properties: ['city', 'plan', 'products.prize', 'address.city', 'sku.codes.isbn', 'sku.codes.', '.', 'tags.new'], numbers: ['country', 'gift'],
  });
  const none = { events: [], properties: [], numbers: [] };
  expect(await kindred.snapshots.findMissingNames(none, call)).toEqual(none);
});

test('of names that cannot be looked for in a second none is missing', async () => {
  await kindred.sql.query('BEGIN; LOCK TABLE ingestion.events IN ACCESS EXCLUSIVE MODE');
  const asked = { events: ['Nothing Such'], properties: ['nothing'], numbers: ['nothing'] };
  const found = await kindred.snapshots.findMissingNames(asked, call).finally(() => kindred.sql.query('ROLLBACK'));
  expect(found).toEqual({ events: [], properties: [], numbers: [] });
  expect(await kindred.snapshots.findMissingNames(asked, call)).toEqual(asked);
});

test('names are looked for no longer than a second in all', async () => {
  await kindred.sql.query('BEGIN; LOCK TABLE ingestion.events IN ACCESS EXCLUSIVE MODE; SAVEPOINT events; LOCK TABLE ingestion.event_archives IN ACCESS EXCLUSIVE MODE');
  const began = performance.now();
  const looking = kindred.snapshots.findMissingNames({ events: [], properties: ['nothing'], numbers: ['nothing'] }, call);
  await wait(900);
  await kindred.sql.query('ROLLBACK TO SAVEPOINT events');
  expect(await looking.finally(() => kindred.sql.query('ROLLBACK'))).toEqual({ events: [], properties: [], numbers: [] });
  expect(performance.now() - began).toBeLessThan(1_700);
});

test('the same request is the same snapshot, and its hashes are those of its files', async () => {
  const [one, two] = await Promise.all([snapshot('same'), snapshot('same')]);
  expect(two).toEqual(one);
  expect(await snapshot('same')).toEqual(one);
  const { shards, contentHash } = await manifestIn(one.uri);
  for (const { path, sha256 } of shards) {
    expect(createHash('sha256').update(await readFile(join(fileURLToPath(one.uri), path))).digest('hex')).toBe(sha256);
  }
  expect(one.contentHash).toBe(contentHash);
});

test('a snapshot at an earlier position has the events and the customers of that position', async () => {
  await send({ anonymousId: 'later', timestamp: '2026-02-01T00:00:00Z' });
  const before = await snapshot('before the merge');
  await send({ anonymousId: 'later', userId: 'd' });
  const again = await snapshot('before, made later', before.position);
  expect([again.events, again.customers, again.contentHash]).toEqual([before.events, before.customers, before.contentHash]);
  expect((await snapshot('after')).events).toBe(before.events + 1);
});

const filesOf = async (requestId: string) => {
  const { rows } = await kindred.sql.query<{ uri: string }>('SELECT uri FROM ingestion.snapshots WHERE request_id = $1', [requestId]);
  return rows.map(({ uri }) => fileURLToPath(uri)).filter(existsSync);
};

test('a snapshot that is removed leaves no files, and its request makes another one', async () => {
  await snapshot('removed');
  const kept = await snapshot('kept');
  await kindred.snapshots.removeSnapshot({ requestId: 'removed' }, call);
  await kindred.snapshots.removeSnapshot({ requestId: 'never made' }, call);
  expect(await filesOf('removed')).toEqual([]);
  expect(await readdir(fileURLToPath(kept.uri))).toContain('manifest.json');
  expect(await readdir(fileURLToPath((await snapshot('removed')).uri))).toContain('manifest.json');
});

test('a snapshot that is removed while it is made leaves no files', async () => {
  await kindred.sql.query('BEGIN; LOCK TABLE ingestion.subject_customers IN ACCESS EXCLUSIVE MODE');
  const making = snapshot('removed too soon');
  making.catch(() => undefined);
  try {
    while ((await kindred.sql.query("SELECT 1 FROM ingestion.snapshots WHERE request_id = 'removed too soon'")).rowCount === 0) await wait(20);
    await kindred.snapshots.removeSnapshot({ requestId: 'removed too soon' }, call);
  } finally {
    await kindred.sql.query('ROLLBACK');
  }
  await expect(making).rejects.toMatchObject({ reason: 'SNAPSHOT_REMOVED' });
  expect(await filesOf('removed too soon')).toEqual([]);
});

test('a snapshot that a crash left half-done is removed when it is asked for again', async () => {
  const left = new URL(`${kindred.platform.artifactUrl}/${WORKSPACE}/snapshots/left`).href;
  await kindred.sql.query(
    `INSERT INTO ingestion.snapshots (workspace_id, id, request_id, state, uri) VALUES ($1, ingestion.uuid_v7(), 'crashed', 'WRITING', $2)`,
    [WORKSPACE, left],
  );
  const made = await snapshot('crashed');
  expect(await readdir(fileURLToPath(made.uri))).toContain('manifest.json');
  const { rows } = await kindred.sql.query("SELECT state FROM ingestion.snapshots WHERE request_id = 'crashed' ORDER BY created_at");
  expect(rows.map(({ state }) => state)).toEqual(['FAILED', 'READY']);
});
