// Files that are no plain CSV, Parquet or NDJSON: what is read of them, and what is refused with what to do.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import { ingestion } from '#libs/contracts';
import { DuckDBInstance } from '#libs/duckdb';
import { temporaryFolder } from '#libs/embedded';

import { addsUp, type ImportsUnderTest, importsUnderTest } from '../testing/imports-under-test.js';
import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';

const { SUCCEEDED, FAILED } = ingestion.ImportState;

let kindred: IngestionUnderTest;
let call: { principal: string };
let upload: ImportsUnderTest['upload'];
let importFile: ImportsUnderTest['importFile'];
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
  ({ upload, importFile } = importsUnderTest(kindred));
});
afterAll(() => kindred?.close());

const SEEN = { customer: { column: 'who' }, time: { column: 'at' }, event: { name: 'Seen' } };
const refusedOf = async ({ id }: ingestion.Import) =>
  (await kindred.sql.query<{ line: string; reason: string; payload: Buffer }>('SELECT line, reason, payload FROM ingestion.rejected_events WHERE import_id = $1 ORDER BY line', [id])).rows.map(({ line, reason, payload }) => [Number(line), reason, payload.toString()]);

test('a line that only DuckDB takes for JSON is refused by itself, and its neighbours are stored', async () => {
  const [one, other] = [1, 2].map((at) => JSON.stringify({ type: 'track', userId: 'lax', event: 'Seen', messageId: `lax-${at}` }));
  const lax = ['{"type":"track","userId":"lax","event":"Seen","properties":{"a":NaN}}', '{"type":"track","userId":"lax","event":"Seen","properties":{"a":-Infinity}}', '{"type":"track","userId":"lax","event":"Seen",}'];
  const done = await importFile([one, ...lax, other].join('\n'), 'lax.ndjson', { form: 'segment' });
  expect(done).toMatchObject({ state: SUCCEEDED, rowsTotal: 5, eventsStored: 2, eventsRejected: 3 });
  expect(addsUp(done)).toBe(true);
  expect(await refusedOf(done)).toEqual(lax.map((line, at) => [at + 2, 'NOT_AN_OBJECT', JSON.stringify(line)]));
});

test('what a column of JSON holds is read as JSON has it: no NaN, and no number beyond a double', async () => {
  const lines = ['[NaN,-Infinity,{"NaN":"inf \\\\\\"NaN"}]', '{"a":1e999,"b":[{"c":12345678901234567890}]}', '{"a":1}'].map((said, at) => `{"who":"sender","at":"2026-01-0${at + 1}","said":${said}}`);
  const done = await importFile(lines.join('\n'), 'said.ndjson', { ...SEEN, properties: { said: { column: 'said' } } });
  expect(done).toMatchObject({ state: SUCCEEDED, eventsStored: 3, eventsRejected: 0 });
  const { rows } = await kindred.sql.query<{ said: string }>(`SELECT properties->>'said' AS said FROM ingestion.events WHERE import_id = $1 ORDER BY occurred_at`, [done.id]);
  expect(rows.map(({ said }) => JSON.parse(said) as unknown)).toEqual([[null, null, { NaN: 'inf \\"NaN' }], { a: null, b: [{ c: 12345678901234567000 }] }, { a: 1 }]);
});

async function parquetOf(sql: string): Promise<Buffer> {
  const folder = await temporaryFolder('kindred-parquet');
  try {
    const path = join(folder, 'file.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
    connection.closeSync();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('lists in Parquet are lists, of numbers and times too', async () => {
  const file = await parquetOf(`SELECT 'lister' AS who, TIMESTAMP '2026-01-01' AS at, ['NaN'::DOUBLE, 1.5] AS numbers, [1, 2]::INTEGER[2] AS pair, [DATE '2026-01-01'] AS days`);
  const properties = Object.fromEntries(['numbers', 'pair', 'days'].map((column) => [column, { column }]));
  const done = await importFile(Readable.from([file]), 'lists.parquet', { ...SEEN, properties });
  expect(done).toMatchObject({ state: SUCCEEDED, eventsStored: 1 });
  const { rows } = await kindred.sql.query('SELECT properties FROM ingestion.events WHERE import_id = $1', [done.id]);
  expect(rows).toEqual([{ properties: { numbers: [null, 1.5], pair: [1, 2], days: ['2026-01-01'] } }]);
});

test('a Parquet file that is damaged inside is told so by its name', async () => {
  const damaged = await parquetOf('SELECT i::VARCHAR AS who, TIMESTAMP \'2026-01-01\' AS at FROM range(100000) AS r (i)');
  damaged.fill(0x41, 1_000, 60_000);
  const file = await upload(Readable.from([damaged]), 'damaged.parquet');
  const refusal = await kindred.imports.startImport({ ...file, mapping: JSON.stringify(SEEN) }, call).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ reason: 'FILE_UNREADABLE', message: expect.stringContaining('damaged.parquet') });
  expect((refusal as Error).message).not.toContain(WORKSPACE);
});

test('a value that needs its quotes is read by them, also where no row before it has any', async () => {
  const rows = Array.from({ length: 21_000 }, (_, at) => `c${at % 50},2026-01-01T00:00:00Z,plain ${at}\n`);
  const done = await importFile(Readable.from(['who,at,note\n', ...rows, 'late,2026-01-02T00:00:00Z,"commas, ""quotes""\nand lines"\n', 'late,2026-01-03T00:00:00Z,"quoted"\n']), 'late.csv', { ...SEEN, properties: { note: { column: 'note' } } });
  expect(done).toMatchObject({ state: SUCCEEDED, rowsTotal: 21_002, rowsFolded: 21_002, rejected: [] });
  const { rows: late } = await kindred.sql.query<{ note: string }>(`SELECT properties->>'note' AS note FROM ingestion.events WHERE import_id = $1 AND user_id = 'late' ORDER BY occurred_at`, [done.id]);
  expect(late.map(({ note }) => note)).toEqual(['commas, "quotes"\nand lines', 'quoted']);
});

test('a quote that nothing closes fails the import before anything is written, and not the rows behind it in silence', async () => {
  const rows = Array.from({ length: 30_000 }, (_, at) => `c${at % 50},2026-01-01T00:00:00Z,row ${at}\n`);
  const file = () => Readable.from(['who,at,note\n', ...rows.slice(0, 21_000), 'open,2026-01-02T00:00:00Z,"5 inches\n', ...rows.slice(21_000)]);
  const mapping = { ...SEEN, properties: { note: { column: 'note' } } };
  expect(await importFile(file(), 'open.csv', mapping)).toMatchObject({ state: FAILED, eventsStored: 0, error: expect.stringMatching(/^A quote that line 21002 opens is never closed.*"quote": ""/) as string });
  expect(await importFile(file(), 'open.csv', { ...mapping, file: { quote: '' } })).toMatchObject({ state: SUCCEEDED, rowsTotal: 30_001, eventsStored: 30_001, rejected: [] });
});

test('a packed file is known by what it is; cut off, it is no file of fewer rows', async () => {
  const text = `who,at,note\n${Array.from({ length: 5_000 }, (_, at) => `packed${at},2026-01-01,${Math.sin(at)}\n`).join('')}`;
  const packed = gzipSync(text);
  const bytes = (from: number, to: number) => Readable.from([packed.subarray(from, to)]);
  expect(await importFile(bytes(0, packed.length - 5_000), 'cut.csv.gz', SEEN)).toMatchObject({ state: FAILED, eventsStored: 0, error: expect.stringMatching(/^The packed file is cut off or damaged/) as string });
  expect(await importFile(bytes(0, packed.length), 'packed.csv', SEEN)).toMatchObject({ state: SUCCEEDED, eventsStored: 5_000 });
  expect(await importFile(text, 'plain.csv.gz', SEEN)).toMatchObject({ state: SUCCEEDED, eventsDuplicate: 5_000 });
});

test('a column may be called line', async () => {
  const mapping = { ...SEEN, properties: { line: { column: 'line' } } };
  for (const file of [await importFile('who,at,line\nliner,2026-01-01,7\n,2026-01-01,8\n', 'line.csv', mapping), await importFile('{"who":"liner","at":"2026-01-02","line":7}\n{"at":"2026-01-02","line":8}', 'line.ndjson', mapping)]) {
    expect(file).toMatchObject({ state: SUCCEEDED, eventsStored: 1 });
    expect((await refusedOf(file)).map(([line, reason]) => [line, reason])).toEqual([[file.fileName.endsWith('.csv') ? 3 : 2, 'ID_MISSING']]);
    const { rows } = await kindred.sql.query<{ line: number }>(`SELECT properties->'line' AS line FROM ingestion.events WHERE import_id = $1`, [file.id]);
    expect(rows).toEqual([{ line: 7 }]);
  }
});

test.each([
  ['in UTF-16', 'utf16.csv', Buffer.from('\ufeffwho,at\na,2026-01-01\n', 'utf16le'), /UTF-16\. Save it as UTF-8/],
  ['that is a list of objects', 'list.json', JSON.stringify([{ who: 'a', at: '2026-01-01' }], null, 2), /one object on each line/],
  ['with a longer line than may be', 'long.csv', `who,at\n${'x'.repeat(5 * 1024 * 1024)},2026-01-01\n`, /Maximum line size of 4194304 bytes/],
])('a file %s is refused with what to do', async (_, fileName, content, message) => {
  const file = await upload(Readable.from([content]), fileName);
  await expect(kindred.imports.startImport({ ...file, mapping: JSON.stringify(SEEN) }, call)).rejects.toMatchObject({ reason: 'FILE_UNREADABLE', message: expect.stringMatching(message) as string });
});

test('a line of more than two megabytes is a row like any other', async () => {
  expect(await importFile(`who,at,note\nlong,2026-01-01,${'x'.repeat(3 * 1024 * 1024)}\nlong,2026-01-02,short\n`, 'long.csv', SEEN)).toMatchObject({ state: SUCCEEDED, eventsStored: 2 });
});
