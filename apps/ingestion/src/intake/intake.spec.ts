import { gzipSync } from 'node:zlib';

import { Client } from 'pg';

import { ingestion } from '#libs/contracts';

import {
  type IngestionUnderTest,
  OTHER_WRITE_KEY,
  startIngestion,
  VIEWER_KEY,
  WORKSPACE,
  WRITE_KEY,
} from '../testing/ingestion-under-test.js';

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` });
const post = (path: string, body: unknown, headers: Record<string, string> = basic(WRITE_KEY)) =>
  fetch(`${kindred.intake}${path}`, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const track = (messageId: string, more: object = {}) => ({ type: 'track', event: 'Seen', userId: 'u', messageId, timestamp: '2026-03-04T05:06:07Z', ...more });
const receipt = async (messageId: string) => (await kindred.events.getEventReceipt({ messageId }, call)).receipt;
const stored = async (messageId: string) =>
  Number((await kindred.sql.query('SELECT count(*) FROM ingestion.events WHERE message_id = $1', [messageId])).rows[0].count);

test('a batch is answered once it is committed, and each message id has a receipt', async () => {
  const response = await post('/v1/batch', { batch: [track('b1'), track('b2', { userId: 'u2' })], sentAt: new Date().toISOString() });
  expect([response.status, await response.json()]).toEqual([200, { success: true }]);
  const found = await receipt('b1');
  expect(found).toMatchObject({ outcome: ingestion.EventOutcome.STORED, duplicates: 0 });
  expect(found?.customerId).toMatch(/^[0-9a-f-]{36}$/);
  await expect(receipt('never')).rejects.toMatchObject({ reason: 'MESSAGE_UNKNOWN' });
});

test.each([
  ['Basic without its colon', { authorization: `Basic ${Buffer.from(WRITE_KEY).toString('base64')}` }, {}],
  ['Bearer', { authorization: `Bearer ${WRITE_KEY}` }, {}],
  ['the body alone, as text/plain', { 'content-type': 'text/plain' }, { writeKey: WRITE_KEY }],
  ['a foreign Bearer token and the body', { authorization: 'Bearer abc' }, { writeKey: WRITE_KEY }],
])('a key is found in %s', async (name, headers, body) => {
  const response = await post('/v1/t', { ...body, event: 'Seen', anonymousId: 'a', messageId: `key ${name}` }, headers as Record<string, string>);
  expect(response.status).toBe(200);
  expect(await stored(`key ${name}`)).toBe(1);
});

test('an unknown key gets 401, a reading key 403, unreadable JSON and no batch 400', async () => {
  expect((await post('/v1/batch', { batch: [track('x1')] }, basic('kw_nobody'))).status).toBe(401);
  expect((await post('/v1/batch', { batch: [track('x1')] }, {})).status).toBe(401);
  expect((await post('/v1/batch', { batch: [track('x1')] }, basic(VIEWER_KEY))).status).toBe(403);
  expect((await post('/v1/batch', '{"batch": [')).status).toBe(400);
  expect((await post('/v1/batch', {})).status).toBe(400);
  expect((await post('/v1/batch', '['.repeat(1_000_000))).status).toBe(400);
  expect(await stored('x1')).toBe(0);
});

test('a slash behind a path is taken as none', async () => {
  const answer = await fetch(`${kindred.intake}/v1/t/`, { method: 'POST', body: JSON.stringify({ ...track('slash'), writeKey: WRITE_KEY }) });
  expect([answer.status, await answer.json()]).toEqual([200, { success: true }]);
});

test('a byte order mark before a body is taken as none', async () => {
  expect((await post('/v1/batch', `\ufeff${JSON.stringify({ batch: [track('marked')] })}`)).status).toBe(200);
  expect(await stored('marked')).toBe(1);
});

test('browsers may send from any origin', async () => {
  const response = await fetch(`${kindred.intake}/v1/p`, {
    method: 'OPTIONS',
    headers: { origin: 'https://shop.example', 'access-control-request-method': 'POST' },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get('access-control-allow-origin')).toBe('https://shop.example');
});

test('hostile events are quarantined whole, and their neighbours are stored', async () => {
  const hostile = [
    track('h nul', { properties: { a: 'x\0y' } }),
    track('h surrogate', { properties: { a: '\ud800' } }),
    track('h large', { properties: { a: 'x'.repeat(3_000_000) } }),
    { type: 'track', userId: 'u', messageId: 'h nameless' },
    track('h nobody', { userId: null }),
  ];
  const batch = hostile.flatMap((event, at) => [event, track(`neighbour ${at}`)]);
  expect((await post('/v1/batch', { batch })).status).toBe(200);
  for (const at of hostile.keys()) expect(await stored(`neighbour ${at}`)).toBe(1);
  const { events } = await kindred.events.listRejectedEvents({ page: undefined, reason: '', source: '', state: ingestion.RejectedEventState.UNSPECIFIED }, call);
  expect(events.map(({ messageId, reason }) => [messageId, reason]).sort()).toEqual([
    ['h large', 'TOO_LARGE'],
    ['h nameless', 'NAME_MISSING'],
    ['h nobody', 'ID_MISSING'],
    ['h nul', 'TEXT_UNSTORABLE'],
    ['h surrogate', 'TEXT_UNSTORABLE'],
  ]);
  const kept = await kindred.sql.query("SELECT payload FROM ingestion.rejected_events WHERE message_id = 'h large'");
  expect(JSON.parse(kept.rows[0].payload.toString())).toEqual(hostile[2]);
  expect(await receipt('h nul')).toMatchObject({ outcome: ingestion.EventOutcome.REJECTED, reason: 'TEXT_UNSTORABLE' });
});

test('over gRPC each event has a result of its own', async () => {
  const { results } = await kindred.events.trackEvents(
    { events: [Buffer.from('no json'), Buffer.from(JSON.stringify(track('g1'))), Buffer.from(JSON.stringify(track('g1')))], sentAt: undefined },
    call,
  );
  expect(results.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    [ingestion.EventOutcome.REJECTED, 'NOT_AN_OBJECT'],
    [ingestion.EventOutcome.STORED, ''],
    [ingestion.EventOutcome.DUPLICATE, ''],
  ]);
});

const packed = (body: Buffer, encoding = 'gzip') =>
  fetch(`${kindred.intake}/v1/batch`, { method: 'POST', headers: { ...basic(WRITE_KEY), 'content-encoding': encoding }, body: new Uint8Array(body) });

test('a body that is packed by gzip is taken as what it was', async () => {
  const body = gzipSync(JSON.stringify({ batch: [track('z1'), track('z2')] }));
  expect((await packed(body)).status).toBe(200);
  expect((await packed(body, 'GZIP')).status).toBe(200);
  expect([await stored('z1'), await stored('z2')]).toEqual([1, 1]);
});

test.each([
  ['is cut off', () => gzipSync(JSON.stringify({ batch: [track('z3')] })).subarray(0, 40), 'gzip', 'unreadable'],
  ['is none', () => Buffer.from('{"batch": []}'), 'gzip', 'unreadable'],
  ['is packed otherwise', () => Buffer.from('x'), 'br', 'unreadable'],
  ['unpacks to more than a request may have', () => gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')), 'gzip', 'too_large'],
])('a packed body that %s is refused, and the next is taken', async (_, make, encoding, code) => {
  const answer = await packed(make(), encoding);
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, code]);
  expect((await post('/v1/batch', { batch: [] }, basic(WRITE_KEY))).status).toBe(200);
});

test('a batch over gRPC is counted, answered one by one only where that is asked for, and must be a list', async () => {
  const events = Buffer.from(JSON.stringify([17, track('gb1'), track('gb1')]));
  const counted = await kindred.events.trackEventBatch({ events, sentAt: undefined, withResults: false }, call);
  expect(counted).toEqual({ results: [], stored: 1, duplicate: 1, rejected: 1 });
  const { results } = await kindred.events.trackEventBatch({ events, sentAt: undefined, withResults: true }, call);
  expect(results.map(({ outcome, messageId }) => [outcome, messageId])).toEqual([
    [ingestion.EventOutcome.REJECTED, ''], [ingestion.EventOutcome.DUPLICATE, 'gb1'], [ingestion.EventOutcome.DUPLICATE, 'gb1'],
  ]);
  const none = kindred.events.trackEventBatch({ events: Buffer.from('{"a": 1}'), sentAt: undefined, withResults: false }, call);
  await expect(none).rejects.toMatchObject({ reason: 'BATCH_UNREADABLE' });
});

test('the same message id sent concurrently fifty times is stored once', async () => {
  const sends = Array.from({ length: 50 }, (_, at) =>
    at % 2 === 0
      ? post('/v1/batch', { batch: [track(`other ${at}`), track('race', { timestamp: `2026-0${1 + (at % 8)}-01T00:00:00Z` })] })
      : kindred.events.trackEvents({ events: [Buffer.from(JSON.stringify(track('race')))], sentAt: undefined }, call),
  );
  await Promise.all(sends);
  expect(await stored('race')).toBe(1);
  expect((await receipt('race'))?.duplicates).toBe(49);
});

test('a batch of more events than a request may have is refused as too large, before any is looked at', async () => {
  const before = await kindred.events.getEventLedger({ from: undefined, to: undefined }, call);
  const answer = await post('/v1/batch', `{"batch":[${Array.from({ length: 4_000_000 }, () => 1).join(',')}]}`);
  expect([answer.status, await answer.json()]).toEqual([400, { success: false, code: 'too_large', message: expect.stringMatching(/4000000 events; 50000 are allowed/) as string }]);
  expect(await kindred.events.getEventLedger({ from: undefined, to: undefined }, call)).toMatchObject({ received: before.received });
});

test('one message id in two workspaces is two events', async () => {
  expect((await post('/v1/batch', { batch: [track('b1')] }, basic(OTHER_WRITE_KEY))).status).toBe(200);
  expect(await stored('b1')).toBe(2);
  expect((await receipt('b1'))?.duplicates).toBe(0);
});

test('the ledger adds up, and agrees with what lies in the tables', async () => {
  const ledger = await kindred.events.getEventLedger({ from: undefined, to: undefined }, call);
  expect(ledger.received).toBe(ledger.stored + ledger.duplicate + ledger.rejected);
  const count = async (from: string) =>
    Number((await kindred.sql.query(`SELECT count(*) FROM ingestion.${from} WHERE workspace_id = $1`, [WORKSPACE])).rows[0].count);
  expect(ledger).toMatchObject({ stored: await count('events'), duplicate: await count('duplicate_events'), rejected: await count('rejected_events') });
  expect(ledger.duplicate).toBeGreaterThan(49);
});

test('a reader of the feed meets a transaction that commits late, and never before an older one is done', async () => {
  const late = new Client({ connectionString: kindred.platform.postgres.ownerUrl });
  const reader = new Client({ connectionString: kindred.platform.databaseUrl, options: '-c role=kindred_serving' });
  await Promise.all([late.connect(), reader.connect()]);
  const read = async (horizon: string, sequence: string) => {
    await reader.query('BEGIN');
    await reader.query("SELECT set_config('app.workspace', $1, true)", [WORKSPACE]);
    const { rows } = await reader.query(
      'SELECT horizon, sequence, name, workspace_id FROM ingestion.event_feed_v1 WHERE (horizon, sequence) > ($1, $2) ORDER BY horizon, sequence',
      [horizon, sequence],
    );
    await reader.query('COMMIT');
    return rows as { horizon: string; sequence: string; name: string; workspace_id: string }[];
  };
  try {
    const before = (await read('0', '0')).at(-1) ?? { horizon: '0', sequence: '0' };
    await late.query('BEGIN');
    await late.query(
      `INSERT INTO ingestion.events (workspace_id, id, occurred_at, subject_id, type, name, message_id, received_at, properties)
       SELECT workspace_id, ingestion.uuid_v7(), occurred_at, subject_id, 'track', 'Late', 'late', now(), '{}'
       FROM ingestion.events WHERE workspace_id = $1 AND message_id = 'b1'`,
      [WORKSPACE],
    );
    await post('/v1/batch', { batch: [track('after late', { event: 'Early' })] });
    expect(await stored('after late')).toBe(1);
    expect(await read(before.horizon, before.sequence)).toEqual([]);
    await late.query('COMMIT');
    const rows = await read(before.horizon, before.sequence);
    expect(rows.map(({ name }) => name)).toEqual(['Late', 'Early']);
    expect(new Set(rows.map(({ workspace_id }) => workspace_id))).toEqual(new Set([WORKSPACE]));
    await expect(reader.query('SELECT * FROM ingestion.events')).rejects.toThrow(/permission denied/);
  } finally {
    await Promise.all([late.end(), reader.end()]);
  }
});
