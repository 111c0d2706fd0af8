import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';

import { v7 as uuid } from 'uuid';

import { access as accessApi, ingestion } from '#libs/contracts';

import { addsUp, type ImportsUnderTest, importsUnderTest, sum } from '../testing/imports-under-test.js';
import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';
import { SEGMENT_PART_LINES } from './import.segment.js';

const { SUCCEEDED, FAILED, CANCELLED } = ingestion.ImportState;

const ANY_REJECTED = { page: undefined, reason: '', source: '', state: ingestion.RejectedEventState.UNSPECIFIED };

let kindred: IngestionUnderTest;
let call: { principal: string };
let upload: ImportsUnderTest['upload'];
let importFile: ImportsUnderTest['importFile'];
let ended: ImportsUnderTest['ended'];
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
  ({ upload, importFile, ended } = importsUnderTest(kindred));
});
afterAll(() => kindred?.close());

const ORDERS = `order_no,client,when,sku,qty,price
1,ann,2026-01-01 10:00,apple,2,1.5
1,ann,2026-01-01 10:01,pear,1,2
2,bob,2026-01-02 10:00,apple,1,1.5
C3,ann,2026-01-03 10:00,apple,-1,1.5
4,,2026-01-04 10:00,apple,1,1.5
5,cid,yesterday,apple,1,1.5
6,cid,2026-01-05 10:00,apple,many,1.5
`;
const ORDER_MAPPING = {
  customer: { column: 'client' },
  time: { column: 'when', timezone: 'Europe/London' },
  event: { rules: [{ when: { column: 'order_no', startsWith: 'C' }, name: 'Order Cancelled' }], otherwise: 'Order Completed' },
  messageId: { column: 'order_no', prefix: 'order-' },
  skip: [{ when: { column: 'client', empty: true }, reason: 'no customer' }],
  properties: { revenue: { multiply: ['qty', 'price'], aggregate: 'sum' } },
  fold: { by: ['order_no'], list: { property: 'products', fields: { product_id: { column: 'sku' }, quantity: { column: 'qty', kind: 'numeric' } } } },
  workspace: { clock: 'DATA', currency: 'GBP', mainEvents: ['Order Completed'], valueProperty: 'revenue' },
};

test('rows are folded into events, skipped or rejected, and add up', async () => {
  const done = await importFile(ORDERS, 'orders.csv', ORDER_MAPPING);
  expect(done).toMatchObject({ state: SUCCEEDED, rowsTotal: 7, rowsFolded: 4, eventsStored: 3, eventsDuplicate: 0, eventsRejected: 0, error: '' });
  expect(done.skipped).toEqual([{ reason: 'no customer', rows: 1 }]);
  expect(Object.fromEntries(done.rejected.map(({ reason, rows }) => [reason, rows]))).toEqual({ TIME_INVALID: 1, VALUE_INVALID: 1 });
  expect(addsUp(done)).toBe(true);
  const { customer } = await kindred.customers.resolveCustomer({ key: { $case: 'userId', value: 'ann' } }, call);
  const { events } = await kindred.eventsOf(customer?.id);
  expect(events.map(({ name, properties }) => [name, JSON.parse(properties)])).toEqual([
    ['Order Cancelled', { revenue: -1.5, products: [{ product_id: 'apple', quantity: -1 }] }],
    ['Order Completed', { revenue: 5, products: [{ product_id: 'apple', quantity: 2 }, { product_id: 'pear', quantity: 1 }] }],
  ]);
});

test('a row that no event can be made of is kept whole in quarantine with its line', async () => {
  const { events } = await kindred.events.listRejectedEvents({ ...ANY_REJECTED, reason: 'TIME_INVALID' }, call);
  expect(events).toHaveLength(1);
  expect(events[0]?.source).toMatch(/^import:[0-9a-f-]{36}/);
  expect(events[0]?.source).toContain('7');
  expect(events[0]?.payload).toContain('yesterday');
});

test('what the mapping says of the data becomes the settings of the workspace', () => {
  expect(kindred.access.settings).toMatchObject({ clock: accessApi.Clock.DATA, currency: 'GBP', mainEvents: ['Order Completed'], valueProperty: 'revenue' });
});

test('imports are listed, the newest first, a page at a time', async () => {
  const first = await kindred.imports.listImports({ page: { first: 1, after: '' } }, call);
  const newer = await importFile('client,when\nzoe,2026-01-06\n', 'visits.csv', { customer: { column: 'client' }, time: { column: 'when' }, event: { name: 'Visited' } });
  const { imports, pageInfo } = await kindred.imports.listImports({ page: { first: 1, after: '' } }, call);
  expect(imports).toEqual([newer]);
  expect(pageInfo).toMatchObject({ hasNextPage: true, totalCount: (first.pageInfo?.totalCount ?? 0) + 1 });
  const next = await kindred.imports.listImports({ page: { first: 1, after: pageInfo?.endCursor ?? '' } }, call);
  expect(next.imports).toEqual(first.imports);
});

test('the same file twice changes nothing', async () => {
  const again = await importFile(ORDERS, 'orders.csv', ORDER_MAPPING);
  expect(again).toMatchObject({ state: SUCCEEDED, rowsTotal: 7, eventsStored: 0, eventsDuplicate: 3 });
  const { events } = await kindred.events.listRejectedEvents({ ...ANY_REJECTED, reason: 'TIME_INVALID' }, call);
  expect(events).toHaveLength(1);
});

test('what is refused of a file counts once in the ledger, however often the file comes', async () => {
  const lines = [
    { type: 'track', userId: 'again', messageId: 'again-nameless' },
    { type: 'track', userId: 'null', event: 'Seen', messageId: 'again-nobody' },
    { type: 'track', userId: 'again', event: 'Seen', messageId: 'again-seen' },
  ];
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const ledger = () => kindred.events.getEventLedger({ from: undefined, to: undefined }, call);
  const before = await ledger();
  const once = await importFile(text, 'refused.ndjson', { form: 'segment' });
  const between = await ledger();
  const twice = await importFile(text, 'refused.ndjson', { form: 'segment' });
  expect([once, twice].map(({ eventsStored, eventsDuplicate, eventsRejected }) => [eventsStored, eventsDuplicate, eventsRejected])).toEqual([[1, 0, 2], [0, 1, 2]]);
  expect([between.stored - before.stored, between.rejected - before.rejected]).toEqual([1, 2]);
  const after = await ledger();
  expect(after).toMatchObject({ stored: between.stored, rejected: between.rejected, duplicate: between.duplicate + 1 });
});

test('lines that say the very same are as many events, without a message id, and stay as many', async () => {
  const text = `${JSON.stringify({ user_id: 'twin', time: '2026-01-01T00:00:00Z', event: 'Seen' })}\n`.repeat(3);
  const once = await importFile(text, 'seen.ndjson');
  const twice = await importFile(text, 'seen.ndjson');
  expect([once.eventsStored, twice.eventsStored, twice.eventsDuplicate]).toEqual([3, 0, 3]);
});

test('rows whose message id is empty are events of their own, not duplicates of one another', async () => {
  const csv = 'id,customer_id,time,event\na,eve,2026-01-01,Seen\n,eve,2026-01-02,Seen\n,eve,2026-01-03,Seen\n,eve,2026-01-03,Seen\na,eve,2026-01-04,Seen\n';
  const mapping = { customer: { column: 'customer_id' }, time: { column: 'time' }, event: { column: 'event' }, messageId: { column: 'id', prefix: 'row-' } };
  const once = await importFile(csv, 'ids.csv', mapping);
  const twice = await importFile(csv, 'ids.csv', mapping);
  expect([once.eventsStored, once.eventsDuplicate, twice.eventsStored]).toEqual([4, 1, 0]);
});

test('times are read with their own zone where they carry one, else in the mapping’s', async () => {
  const times = ['2026-01-01 10:00', '2026-01-01T10:00Z', '2026-01-01 10:00:00 UTC', '2026-01-01T10:00:00+02:00', '2026-01-01T10:00+0200'];
  const file = await upload(`who,at\n${times.map((time) => `tim,${time}`).join('\n')}\n`, 'times.csv');
  const mapping = JSON.stringify({ customer: { column: 'who' }, time: { column: 'at', timezone: 'Asia/Tokyo' }, event: { name: 'Seen' }, properties: { at: { column: 'at', kind: 'time' } } });
  const { events } = await kindred.imports.previewImport({ ...file, mapping, rows: 10 }, call);
  const read = events.map((event) => JSON.parse(event) as { timestamp: string; properties: { at: string } });
  const hours = ['01', '08', '08', '10', '10'];
  expect(read.map(({ timestamp }) => timestamp.slice(11, 13)).sort()).toEqual(hours);
  expect(read.map(({ properties }) => properties.at.slice(11, 13)).sort()).toEqual(hours);
});

test('a sum over what is no number is told row by row', async () => {
  const mapping = { customer: { column: 'who' }, time: { column: 'at' }, event: { name: 'Seen' }, properties: { total: { column: 'what', aggregate: 'sum' } }, fold: { by: ['who'] } };
  const done = await importFile('who,at,what\na,2026-01-01,1\na,2026-01-01,two\n', 'sums.csv', mapping);
  expect(done).toMatchObject({ state: SUCCEEDED, rowsFolded: 1, rejected: [{ reason: 'VALUE_INVALID', rows: 1 }] });
});

test('a column that only later lines of an NDJSON file have can be mapped', async () => {
  const lines = Array.from({ length: 500 }, (_, at) => JSON.stringify({ user_id: 'late', time: '2026-01-01T00:00:00Z', ...(at === 450 ? { later: 'x' } : {}) }));
  const mapping = { customer: { column: 'user_id' }, time: { column: 'time' }, event: { name: 'Seen' }, properties: { later: { column: 'later' } } };
  expect(await importFile(lines.join('\n'), 'late.ndjson', mapping)).toMatchObject({ state: SUCCEEDED, eventsStored: 500 });
});

test('an archive in Segment’s form keeps its times, and a refused call is quarantined once', async () => {
  const lines = [
    { type: 'track', userId: 'arch', event: 'Then', messageId: '', timestamp: '2020-01-01T00:00:00Z', originalTimestamp: '2019-01-01T00:00:00Z', sentAt: '2020-01-01T00:00:01Z' },
    { type: 'track', userId: 'arch', messageId: 'arch-nameless' },
  ];
  const text = lines.map((line) => JSON.stringify(line)).join('\n');
  const once = await importFile(text, 'archive.ndjson', { form: 'segment' });
  const twice = await importFile(text, 'archive.ndjson', { form: 'segment' });
  expect([once.eventsStored, once.eventsRejected, twice.eventsStored, twice.eventsDuplicate]).toEqual([1, 1, 0, 1]);
  const { customer } = await kindred.customers.resolveCustomer({ key: { $case: 'userId', value: 'arch' } }, call);
  expect(customer?.firstSeenAt).toMatch(/^2020-01-01T00:00:00/);
  const { events } = await kindred.events.listRejectedEvents({ ...ANY_REJECTED, reason: 'NAME_MISSING' }, call);
  expect(events.filter(({ messageId }) => messageId === 'arch-nameless')).toHaveLength(1);
});

test('calls in Segment’s form are taken as what they are', async () => {
  const lines = [
    { type: 'identify', userId: 'seg', traits: { plan: 'pro' }, messageId: 'seg-1', timestamp: '2026-01-01T00:00:00Z' },
    { type: 'track', userId: 'seg', event: 'Signed Up', messageId: 'seg-2', timestamp: '2026-01-01T00:00:00Z' },
    { type: 'track', event: 'Nobody', messageId: 'seg-3' },
  ];
  const done = await importFile(`${lines.map((line) => JSON.stringify(line)).join('\n')}\nnot json\n`, 'calls.ndjson', { form: 'segment' });
  expect(done).toMatchObject({ state: SUCCEEDED, rowsTotal: 4, rowsFolded: 3, eventsStored: 2, eventsRejected: 1, rejected: [{ reason: 'ROW_MALFORMED', rows: 1 }] });
  const { customer } = await kindred.customers.resolveCustomer({ key: { $case: 'userId', value: 'seg' } }, call);
  expect(JSON.parse(customer?.attributes ?? '{}')).toEqual({ plan: 'pro' });
});

test('a mapping is guessed and shown before anything is written', async () => {
  const file = await upload(ORDERS.replaceAll('client', 'customer_id').replaceAll('when', 'order_date'), 'guess.csv');
  const { mapping, guesses, events } = await kindred.imports.previewImport({ ...file, mapping: '', rows: 10 }, call);
  expect(JSON.parse(mapping)).toMatchObject({ customer: { column: 'customer_id' }, time: { column: 'order_date' }, fold: { by: ['order_no'] } });
  expect(guesses.join(' ')).toContain('order_no');
  expect(JSON.parse(events[0] ?? '{}')).toMatchObject({ type: 'track', userId: 'ann', event: 'Order Completed' });
});

const VISITS = `anonymousId,user_id,timestamp,action
import-device-1,,2026-02-01T10:00:00Z,Seen
import-device-1,import-known,2026-02-01T11:00:00Z,Signed In
,import-known,2026-02-01T12:00:00Z,Bought
,,2026-02-01T13:00:00Z,Seen
`;

test('a column of anonymous ids is guessed as such, beside user ids and alone, and whoever has neither is left out', async () => {
  const { mapping, events, skipped, columns } = await kindred.imports.previewImport({ ...(await upload(VISITS, 'visits.csv')), mapping: '', rows: 10 }, call);
  expect(JSON.parse(mapping)).toMatchObject({ customer: { column: 'user_id' }, anonymous: { column: 'anonymousId' }, properties: {} });
  expect(columns).toEqual(['anonymousId', 'user_id', 'timestamp', 'action']);
  expect(skipped).toEqual([{ reason: 'no customer', rows: 1 }]);
  const [first, second, third] = events.map((event) => JSON.parse(event) as object);
  expect(first).toMatchObject({ anonymousId: 'import-device-1', event: 'Seen' });
  expect(first).not.toHaveProperty('userId');
  expect(second).toMatchObject({ anonymousId: 'import-device-1', userId: 'import-known', event: 'Signed In' });
  expect(third).toMatchObject({ userId: 'import-known', event: 'Bought' });
  expect(third).not.toHaveProperty('anonymousId');

  const alone = await upload('anonymous_id,user_agent,at\nimport-device-2,Mozilla,2026-02-01\n', 'devices.csv');
  const devices = await kindred.imports.previewImport({ ...alone, mapping: '', rows: 10 }, call);
  expect(JSON.parse(devices.mapping)).toMatchObject({ anonymous: { column: 'anonymous_id' }, properties: { user_agent: { column: 'user_agent' } } });
  expect(JSON.parse(devices.mapping)).not.toHaveProperty('customer');
});

test('what somebody did before their user id was known is theirs, and the same file again adds nothing', async () => {
  const done = await importFile(VISITS, 'visits.csv');
  expect(done).toMatchObject({ state: SUCCEEDED, eventsStored: 3, eventsDuplicate: 0 });
  const { customer } = await kindred.customers.resolveCustomer({ key: { $case: 'anonymousId', value: 'import-device-1' } }, call);
  const { events } = await kindred.eventsOf(customer?.id);
  expect(events.map(({ name }) => name).sort()).toEqual(['Bought', 'Seen', 'Signed In']);
  expect(await importFile(VISITS, 'visits.csv')).toMatchObject({ eventsStored: 0, eventsDuplicate: 3 });
});

test('lines of an order are folded by whose they are: a user id, whichever devices it came by, or an anonymous id', async () => {
  const lines = `order,device,who,at
1,fold-x,fold-ann,2026-02-01
1,fold-y,fold-ann,2026-02-01
1,fold-x,,2026-02-01
1,fold-z,,2026-02-01
2,,,2026-02-01
`;
  const mapping = { customer: { column: 'who' }, anonymous: { column: 'device' }, time: { column: 'at' }, event: { name: 'Ordered' }, properties: { lines: { column: 'order', aggregate: 'count' } }, fold: { by: ['order'] } };
  const { events, rejected, refusals } = await kindred.imports.previewImport({ ...(await upload(lines, 'folded.csv')), mapping: JSON.stringify(mapping), rows: 10 }, call);
  const of = events.map((event) => JSON.parse(event) as { userId?: string; anonymousId?: string; messageId: string; properties: object });
  expect(of.map(({ userId, anonymousId, properties }) => ({ userId, anonymousId, properties }))).toEqual([
    { userId: 'fold-ann', anonymousId: 'fold-x', properties: { lines: 2 } },
    { userId: undefined, anonymousId: 'fold-x', properties: { lines: 1 } },
    { userId: undefined, anonymousId: 'fold-z', properties: { lines: 1 } },
  ]);
  expect(new Set(of.map(({ messageId }) => messageId)).size).toBe(3);
  expect(rejected).toEqual([{ reason: 'ID_MISSING', rows: 1 }]);
  expect(refusals[0]?.detail).toContain('who, device');
});

test('a preview accounts for every row that it looked at: what would be taken in, left out and refused, with line and reason', async () => {
  const file = await upload(`${ORDERS}7,dan\n8,null,2026-01-06 10:00,apple,1,1.5\n`, 'preview.csv');
  const preview = await kindred.imports.previewImport({ ...file, mapping: JSON.stringify(ORDER_MAPPING), rows: 100 }, call);
  expect(preview).toMatchObject({ rows: 9, rowsFolded: 5, skipped: [{ reason: 'no customer', rows: 1 }], eventsRejected: 1 });
  expect(preview.rows).toBe(preview.rowsFolded + sum(preview.skipped) + sum(preview.rejected));
  expect(preview.events.map((event) => (JSON.parse(event) as { userId: string }).userId).sort()).toEqual(['ann', 'ann', 'bob']);
  expect(preview.refusals.map(({ line, reason }) => [line, reason])).toEqual([[7, 'TIME_INVALID'], [8, 'VALUE_INVALID'], [9, 'ROW_MALFORMED'], [10, 'ID_BLOCKED']]);
  expect(preview.refusals[2]).toMatchObject({ payload: '7,dan', detail: expect.stringContaining('Columns') });
});

test('an event that is refused for its customer says its line of the file', async () => {
  await importFile('who,at\nzoe,2026-01-01\nundefined,2026-01-02\n', 'nobody.csv', { customer: { column: 'who' }, time: { column: 'at' }, event: { name: 'Seen' } });
  const { events } = await kindred.events.listRejectedEvents({ ...ANY_REJECTED, reason: 'ID_BLOCKED' }, call);
  expect(events[0]?.source).toMatch(/^import:\S+ line 3$/);
});

test.each([
  ['names a column that is not there', { ...ORDER_MAPPING, customer: { column: 'absent' } }, 'MAPPING_INVALID', /"absent".*order_no, client/],
  ['says of nobody', { ...ORDER_MAPPING, customer: undefined }, 'MAPPING_INVALID', /customer, anonymous, or both/],
  ['is no JSON', '{', 'MAPPING_INVALID', /no JSON/],
  ['says something unknown', { ...ORDER_MAPPING, colour: 'red' }, 'MAPPING_INVALID', /colour/],
  ['holds a pattern that is none', { ...ORDER_MAPPING, skip: [{ when: { column: 'sku', matches: '(' }, reason: 'x' }] }, 'MAPPING_INVALID', /does not fit/],
])('a mapping that %s is refused before anything is written', async (_, mapping, reason, message) => {
  const file = await upload(ORDERS, 'orders.csv');
  const started = kindred.imports.startImport({ ...file, mapping: typeof mapping === 'string' ? mapping : JSON.stringify(mapping) }, call);
  await expect(started).rejects.toMatchObject({ reason, message: expect.stringMatching(message) as string });
});

test('a file that is empty or not what its name says is refused, by its name and never by where it lies', async () => {
  const file = await upload('this is no parquet', 'orders.parquet');
  const refusal = await kindred.imports.startImport({ ...file, mapping: '' }, call).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ reason: 'FILE_UNREADABLE', message: expect.stringContaining("'orders.parquet'") });
  expect((refusal as Error).message).not.toContain(WORKSPACE);
  const empty = { ...(await upload('', 'orders.csv')), mapping: '' };
  await expect(kindred.imports.startImport(empty, call)).rejects.toMatchObject({ reason: 'FILE_UNREADABLE', message: 'The file is empty.' });
});

test('a file of somebody else is no file', async () => {
  const artifact = '018f0000-0000-7000-8000-000000000002/uploads/x/data.csv';
  await expect(kindred.imports.startImport({ artifact, fileName: 'a.csv', mapping: '' }, call)).rejects.toMatchObject({ reason: 'FILE_UNKNOWN' });
});

test('an import that was stopped keeps what it committed, and the same file again goes on from there', async () => {
  const rows = 40_000;
  const lines = function* lines() {
    yield 'customer_id,time,event,amount\n';
    for (let at = 0; at < rows; at++) yield `c${at % 5_000},${new Date(1_750_000_000_000 + at * 1_000).toISOString()},Paid,${at}\n`;
  };
  const file = await upload(Readable.from(lines()), 'long.csv');
  const { import: started } = await kindred.imports.startImport({ ...file, mapping: '' }, call);
  const id = started?.id ?? '';
  for await (const { import: now } of kindred.imports.watchImport({ id }, call)) {
    if ((now?.eventsStored ?? 0) > 0 || now?.state === SUCCEEDED) break;
  }
  await kindred.imports.cancelImport({ id }, call);
  const stopped = await ended(id);
  expect(stopped.state).toBe(CANCELLED);
  expect(stopped.eventsStored).toBeGreaterThan(0);
  expect(stopped.eventsStored).toBeLessThan(rows);
  const { import: again } = await kindred.imports.startImport({ ...file, mapping: '' }, call);
  const done = await ended(again?.id ?? '');
  expect(done).toMatchObject({ state: SUCCEEDED, rowsTotal: rows, eventsDuplicate: stopped.eventsStored, eventsStored: rows - stopped.eventsStored });
  await expect(kindred.imports.cancelImport({ id }, call)).rejects.toMatchObject({ reason: 'IMPORT_ENDED' });
});

test('a file is told of while it is first read, and that can be stopped: nothing is written then', async () => {
  const lines = function* lines() {
    yield 'customer_id,time,event\n';
    const day = Array.from({ length: 10_000 }, (_, at) => `c${at},2026-01-01 00:00:00,Seen\n`).join('');
    for (let at = 0; at < 300; at++) yield day;
  };
  const file = await upload(Readable.from(lines()), 'reading.csv');
  const { import: started } = await kindred.imports.startImport({ ...file, mapping: '' }, call);
  const id = started?.id ?? '';
  let reading: ingestion.Import | undefined;
  for await (const { import: now } of kindred.imports.watchImport({ id }, call)) {
    if (now?.stage === ingestion.ImportStage.READING && now.rowsStaged > 0) reading = now;
    if (reading || now?.state === SUCCEEDED) break;
  }
  expect(reading).toMatchObject({ rowsTotal: 0, rowsRead: 0, eventsStored: 0, rowsPerSecond: expect.any(Number) as number });
  expect(reading?.progress).toBeGreaterThan(0);
  expect(reading?.progress).toBeLessThanOrEqual(0.2);
  expect(reading?.remainingSeconds).toBeGreaterThan(0);
  await kindred.imports.cancelImport({ id }, call);
  expect(await ended(id)).toMatchObject({ state: CANCELLED, eventsStored: 0, rowsTotal: 0, stage: ingestion.ImportStage.UNSPECIFIED });
});

test('lines in Segment’s form without a message id keep their number among their equals over parts', async () => {
  const same = JSON.stringify({ type: 'track', userId: 'many', event: 'Seen', timestamp: '2026-01-01T00:00:00Z' });
  const between = Array.from({ length: SEGMENT_PART_LINES }, (_, at) => JSON.stringify({ type: 'track', userId: `of-${at % 50}`, event: 'Seen', messageId: `part-${at}`, timestamp: '2026-01-01T00:00:00Z' }));
  const text = [same, same, ...between, same].join('\n');
  const once = await importFile(text, 'parts.ndjson', { form: 'segment' });
  expect(once).toMatchObject({ state: SUCCEEDED, rowsTotal: SEGMENT_PART_LINES + 3, eventsStored: SEGMENT_PART_LINES + 3, eventsDuplicate: 0 });
  expect(await importFile(text, 'parts.ndjson', { form: 'segment' })).toMatchObject({ eventsStored: 0, eventsDuplicate: SEGMENT_PART_LINES + 3 });
});

test('a broken line shifts those behind it: each row in quarantine says its own line of the file', async () => {
  const csv = 'who,at\na,2026-01-01\nb,2026-01-01,too,many\nc,never\nd,2026-01-01,too,many\ne,never\n';
  const mapping = { customer: { column: 'who' }, time: { column: 'at' }, event: { name: 'Seen' }, file: { delimiter: ',', header: true, columns: ['who', 'at'] } };
  const { id } = await importFile(csv, 'shifted.csv', mapping);
  const { rows } = await kindred.sql.query<{ line: string; reason: string }>('SELECT line, reason FROM ingestion.rejected_events WHERE import_id = $1 ORDER BY line', [id]);
  expect(rows.map(({ line, reason }) => [Number(line), reason])).toEqual([[3, 'ROW_MALFORMED'], [4, 'TIME_INVALID'], [5, 'ROW_MALFORMED'], [6, 'TIME_INVALID']]);
});

test('an import whose file is gone fails and says so', async () => {
  const file = await upload(ORDERS, 'orders.csv');
  await kindred.sql.query(
    `INSERT INTO ingestion.imports (workspace_id, id, state, artifact, file_name, mapping, mapping_guessed) VALUES ($1, $2, 'QUEUED', $3, 'gone.csv', $4, false)`,
    [WORKSPACE, '018f0000-0000-7000-8000-00000000aaaa', file.artifact.replace('data.csv', 'gone.csv'), JSON.stringify(ORDER_MAPPING)],
  );
  await kindred.sql.query('INSERT INTO ingestion.open_imports VALUES ($1, $2)', [WORKSPACE, '018f0000-0000-7000-8000-00000000aaaa']);
  const failed = await ended('018f0000-0000-7000-8000-00000000aaaa');
  expect(failed).toMatchObject({ state: FAILED });
  expect(failed.error).toContain('gone.csv');
});

const RETAIL = resolve('../shared/data/online_retail_II.parquet');
const testWithData = existsSync(RETAIL) ? test : test.skip;
if (!existsSync(RETAIL)) process.stderr.write(`skipped, because ${RETAIL} is not there: Online Retail II\n`);

testWithData('Online Retail II: lines become invoices with products, cancellations their own event, lines without a customer are counted', async () => {
  const mapping = await readFile('apps/ingestion/mappings/online-retail-II.json', 'utf8');
  const done = await importFile(createReadStream(RETAIL), 'online_retail_II.parquet', mapping);
  expect(done).toMatchObject({ state: SUCCEEDED, rowsTotal: 1_044_847, skipped: [{ reason: 'no customer', rows: 235_287 }], rejected: [], rowsFolded: 809_560 });
  expect(done.eventsStored + done.eventsDuplicate).toBeGreaterThan(44_000);
  expect(done.eventsRejected).toBe(0);
});

test('several imports are told together, without those that there are not here', async () => {
  const one = await importFile(ORDERS, 'one.csv', ORDER_MAPPING);
  const other = await importFile(ORDERS, 'other.csv', ORDER_MAPPING);
  const { imports } = await kindred.imports.getImports({ ids: [other.id, 'no id', uuid(), one.id, one.id] }, call);
  expect(imports.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual([one, other].toSorted((a, b) => (a.id < b.id ? -1 : 1)));
  await expect(kindred.imports.getImports({ ids: Array.from({ length: 501 }, () => one.id) }, call)).rejects.toMatchObject({ reason: 'TOO_MANY_IDS' });
});
