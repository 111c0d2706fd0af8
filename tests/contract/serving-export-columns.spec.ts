// What files of members tell: the usual columns, a choice of them, and attributes.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DuckDBInstance } from '@duckdb/node-api';

import { exporting } from '#libs/contracts';

import { publicId } from '../../apps/serving/src/page/public-id.js';
import { model, ServingHouse, type ServingReplica, type TestModel, type TestWorkspace, until } from './serving-house.js';

const { CSV, PARQUET } = exporting.ExportFormat;
const { ANONYMOUS_ID, USER_ID, STRENGTH, SEGMENT_NAME, NOVELTY } = exporting.ExportColumn;
const DAY = 86_400_000;
const TRICKY = 'Zoë "the\n first", & sons';

let house: ServingHouse;
let replica: ServingReplica;
let workspace: TestWorkspace;
let customers: string[];
let segmentId: string;
let served: TestModel;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start();
  workspace = await house.workspace();
  customers = await house.customers(workspace.id, 6);
  await house.track(workspace.id, customers.map((customerId, at) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY, properties: { novelty: at / 10 } })));
  served = model();
  await house.prepare(replica, workspace, served);
  await replica.activation.activate({ modelId: served.id, fence: 1 }, workspace.service);
  const { customers: placed } = await replica.memberships.getCustomerMemberships({ customerIds: customers.slice(0, 1) }, workspace.call);
  segmentId = placed[0]?.memberships[0]?.segmentId ?? '';
  await know('plan', ['gold', 'basic', TRICKY, '', '@SUM(A1)', null]);
  await know('visits', [3, 40, -5, null, 0, undefined]);
  await know('spent', [3, 4.5, 1e3, undefined, -2.25, undefined]);
  await know('ledger', ['9007199254740993', '12', '3', '4', '5', '6'].map((digits) => ({ digits })));
  await know('isMember', [true, false, undefined, undefined, undefined, true]);
  await know('mixed', [1, 'one', { a: [1, null] }, undefined, undefined, undefined]);
  await know('Name, "full"', ['x', undefined, undefined, undefined, undefined, undefined]);
});
beforeEach(() => house.customersOutside.names.clear());
afterEach(() => house.customersOutside.suppressed.clear());
afterAll(() => house.close());

/** An attribute of all customers in order; undefined: they have none. `digits` is a number of just these. */
async function know(name: string, values: readonly unknown[]): Promise<void> {
  for (const [at, value] of values.entries()) {
    if (value === undefined) continue;
    const json = typeof value === 'object' && value !== null && 'digits' in value ? String(value.digits) : JSON.stringify(value);
    await house.owner.query('insert into ingestion.subject_attributes (workspace_id, subject_id, name, value, occurred_at) values ($1, $2, $3, $4, now())', [workspace.id, customers[at], name, json]);
  }
}

type Choice = Partial<Pick<exporting.StartExportRequest, 'attributes'>> & { readonly columns?: exporting.ExportColumn[] };

async function exported(format: exporting.ExportFormat, { columns, attributes = [] }: Choice = {}): Promise<exporting.Export> {
  const { export: begun } = await replica.exports.startExport({ segmentId, format, columns: columns && { columns }, attributes, asOf: undefined }, workspace.call);
  const look = async () => (await replica.exports.getExport({ id: begun?.id ?? '' }, workspace.call)).export ?? exporting.Export.fromPartial({});
  return until(look, ({ finishedAt }) => finishedAt !== undefined, 20_000);
}

const pathOf = ({ artifact }: exporting.Export) => join(fileURLToPath(house.platform.artifactUrl), artifact);

/** Columns with their types, and rows in order of the customers. */
async function contentOf(made: exporting.Export): Promise<{ types: Record<string, string>; rows: Record<string, unknown>[] }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const file = pathOf(made);
    const source = file.endsWith('.csv') ? `read_csv('${file}', header = true, all_varchar = true, nullstr = '', allow_quoted_nulls = false)` : `read_parquet('${file}')`;
    const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)).getRowsJS();
    const rows = (await connection.runAndReadAll(`SELECT * FROM ${source}`)).getRowObjectsJson();
    const place = (row: Record<string, unknown>) => customers.findIndex((id) => publicId('Customer', id) === row['customer_id']);
    return { types: Object.fromEntries(described.map(([name, type]) => [String(name), String(type)])), rows: rows.toSorted((a, b) => place(a) - place(b)) };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const typesTold = ({ manifest }: exporting.Export) => Object.fromEntries(manifest?.columns.map(({ name, type }) => [name, type]) ?? []);

test('without a choice a file tells who, in what, how strongly, since when, as of when and by which model', async () => {
  const [anonymous = ''] = customers;
  house.customersOutside.names.set(anonymous, { userId: '', anonymousId: 'visitor-1' });
  const { rows: [segment] } = await house.owner.query<{ name: string }>('select name from serving.segments where id = $1', [segmentId]);
  const [parquet, csv] = [await exported(PARQUET), await exported(CSV)];
  const { types, rows } = await contentOf(parquet);
  const time = 'TIMESTAMP WITH TIME ZONE';
  expect(types).toEqual({
    customer_id: 'VARCHAR', user_id: 'VARCHAR', anonymous_id: 'VARCHAR', segment_id: 'VARCHAR', segment_name: 'VARCHAR', strength: 'DOUBLE', since: time, decided_at: time, as_of: time, model_id: 'VARCHAR',
  });
  const common = { segment_id: publicId('Segment', segmentId), segment_name: segment?.name, strength: 0.9, model_id: publicId('Model', served.id) };
  expect(rows[0]).toMatchObject({ ...common, user_id: null, anonymous_id: 'visitor-1' });
  expect(rows[1]).toMatchObject({ ...common, user_id: `user-${customers[1]}`, anonymous_id: null });
  for (const made of [parquet, csv]) {
    const content = await contentOf(made);
    expect(content.rows).toHaveLength(customers.length);
    expect(content.rows.map((row) => Date.parse(String(row['as_of'])))).toEqual(customers.map(() => Date.parse(made.manifest?.asOf ?? '')));
    expect(typesTold(made)).toEqual(types);
    expect(Object.keys(content.types)).toEqual(Object.keys(types));
  }
  const beside = JSON.parse(await readFile(pathOf(csv).replace(/csv$/, 'json'), 'utf8'));
  expect(beside.columns.map(({ name }: { name: string }) => name)).toEqual(Object.keys(types));
});

test('columns come as they are chosen, each once, behind the id that erasures go by', async () => {
  const made = await exported(PARQUET, { columns: [NOVELTY, USER_ID, NOVELTY] });
  const { types, rows } = await contentOf(made);
  expect(Object.keys(types)).toEqual(['customer_id', 'novelty', 'user_id']);
  expect(rows.map(({ novelty }) => novelty)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5]);
  expect(made).toMatchObject({ columns: [NOVELTY, USER_ID], attributes: [] });
  expect(Object.keys((await contentOf(await exported(CSV, { columns: [] }))).types)).toEqual(['customer_id']);
});

test('attributes are columns of the narrowest type that holds what is known', async () => {
  const attributes = ['plan', 'visits', 'spent', 'ledger', 'isMember', 'mixed', 'Name, "full"', 'nobody has it'];
  const made = await exported(PARQUET, { columns: [], attributes });
  const { types, rows } = await contentOf(made);
  expect(types).toEqual({
    customer_id: 'VARCHAR', attribute_plan: 'VARCHAR', attribute_visits: 'BIGINT', attribute_spent: 'DOUBLE', attribute_ledger: 'BIGINT', attribute_isMember: 'BOOLEAN', attribute_mixed: 'VARCHAR',
    'attribute_Name, "full"': 'VARCHAR', 'attribute_nobody has it': 'VARCHAR',
  });
  expect(typesTold(made)).toEqual(types);
  expect(rows.map(({ attribute_plan }) => attribute_plan)).toEqual(['gold', 'basic', TRICKY, null, '@SUM(A1)', null]);
  expect(rows.map(({ attribute_visits }) => attribute_visits)).toEqual(['3', '40', '-5', null, '0', null]);
  expect(rows.map(({ attribute_spent }) => attribute_spent)).toEqual([3, 4.5, 1000, null, -2.25, null]);
  expect(rows[0]).toMatchObject({ attribute_ledger: '9007199254740993', attribute_isMember: true, attribute_mixed: '1', 'attribute_Name, "full"': 'x', 'attribute_nobody has it': null });
  expect(rows[2]).toMatchObject({ attribute_mixed: '{"a": [1, null]}' });
});

test('a text that a spreadsheet would run is marked in CSV, numbers and Parquet are as they are', async () => {
  const wicked = ['=HYPERLINK("http://x","y")', '+cmd|calc', '-2+3', '\t=1', '+49151234', '-7.5'];
  for (const [at, id] of customers.entries()) house.customersOutside.names.set(id, { userId: wicked[at] ?? '' });
  const choice = { columns: [USER_ID], attributes: ['plan', 'visits'] };
  const csv = (await contentOf(await exported(CSV, choice))).rows;
  expect(csv.map(({ user_id }) => user_id)).toEqual(['\'=HYPERLINK("http://x","y")', "'+cmd|calc", "'-2+3", "'\t=1", '+49151234', '-7.5']);
  expect([csv[4]?.['attribute_plan'], csv[2]?.['attribute_visits']]).toEqual(["'@SUM(A1)", '-5']);
  const parquet = (await contentOf(await exported(PARQUET, choice))).rows;
  expect(parquet.map(({ user_id }) => user_id)).toEqual(wicked);
});

test.each([['CSV', CSV], ['Parquet', PARQUET]] as const)('taking somebody out of %s takes their attributes along and leaves the others as they were', async (_name, format) => {
  const made = await exported(format, { columns: [USER_ID, ANONYMOUS_ID, SEGMENT_NAME, STRENGTH], attributes: ['plan', 'visits', 'isMember', 'Name, "full"'] });
  const before = await contentOf(made);
  expect(before.rows.map(({ attribute_plan }) => attribute_plan)).toContain('basic');
  const [, gone = ''] = customers;
  house.customersOutside.suppressed.add(gone);
  await replica.forgetting.forgetExported({ customerIds: [gone] }, workspace.service);
  const anew = (await replica.exports.getExport({ id: made.id }, workspace.call)).export ?? exporting.Export.fromPartial({});
  expect(anew.manifest).toMatchObject({ rows: customers.length - 1, forgotten: 1, columns: made.manifest?.columns });
  expect(await contentOf(anew)).toEqual({ types: before.types, rows: before.rows.filter((row) => row['customer_id'] !== publicId('Customer', gone)) });
  // Nor are they in a new one.
  expect((await contentOf(await exported(format, { attributes: ['plan'] }))).rows.map((row) => row['attribute_plan'])).not.toContain('basic');
});

test('what no file can hold is refused', async () => {
  const invalid = { reason: 'COLUMNS_INVALID' };
  await expect(exported(CSV, { columns: [exporting.ExportColumn.UNSPECIFIED] })).rejects.toMatchObject(invalid);
  for (const attributes of [[''], ['a\nb'], ['x'.repeat(201)], ['Plan', 'plan'], Array.from({ length: 51 }, (_, at) => `a${at}`)]) {
    await expect(exported(CSV, { attributes })).rejects.toMatchObject(invalid);
  }
  await expect(
    replica.exports.createExportSchedule({ segmentId, format: CSV, cron: '0 6 * * *', timeZone: '', columns: undefined, attributes: [''] }, workspace.call),
  ).rejects.toMatchObject(invalid);
});

test('a schedule is given other columns or attributes, what is left out stays, and what no file can hold is refused', async () => {
  const made = await replica.exports.createExportSchedule({ segmentId, format: CSV, cron: '0 6 * * *', timeZone: '', columns: { columns: [USER_ID] }, attributes: ['plan'] }, workspace.call);
  const id = made.schedule?.id ?? '';
  const change = async (given: { columns?: exporting.ExportColumns; attributes?: exporting.ExportAttributes; cron?: string }) =>
    (await replica.exports.updateExportSchedule({ id, cron: undefined, timeZone: undefined, paused: undefined, columns: undefined, attributes: undefined, ...given }, workspace.call)).schedule;
  expect(await change({ columns: { columns: [STRENGTH, USER_ID, STRENGTH] } })).toMatchObject({ columns: [STRENGTH, USER_ID], attributes: ['plan'] });
  expect(await change({ attributes: { names: ['visits', 'plan'] } })).toMatchObject({ columns: [STRENGTH, USER_ID], attributes: ['visits', 'plan'] });
  await expect(change({ attributes: { names: ['Plan', 'plan'] } })).rejects.toMatchObject({ reason: 'COLUMNS_INVALID' });
  expect(await change({ cron: '0 7 * * *' })).toMatchObject({ columns: [STRENGTH, USER_ID], attributes: ['visits', 'plan'], cron: '0 7 * * *' });
  expect(await change({ columns: { columns: [] }, attributes: { names: [] } })).toMatchObject({ columns: [], attributes: [] });
  await replica.exports.deleteExportSchedule({ id }, workspace.call);
});

test('a schedule of before columns could be chosen keeps to those that its readers know', async () => {
  const id = '01900000-0000-7000-8000-00000000000a';
  await house.owner.query(`insert into serving.export_schedules (workspace_id, id, segment_id, format, cron, time_zone, requested_by) values ($1, $2, $3, 'CSV', '0 6 * * *', 'UTC', 'key:test')`, [workspace.id, id, segmentId]);
  const { schedule } = await replica.exports.getExportSchedule({ id }, workspace.call);
  const { SINCE, DECIDED_AT } = exporting.ExportColumn;
  expect(schedule).toMatchObject({ columns: [USER_ID, ANONYMOUS_ID, STRENGTH, SINCE, DECIDED_AT], attributes: [] });
});
