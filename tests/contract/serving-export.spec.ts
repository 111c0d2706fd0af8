import { createHash } from 'node:crypto';
import { access as accessFile, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DuckDBInstance } from '@duckdb/node-api';

import { exporting, forgetting, serving } from '#libs/contracts';
import { connect, type RpcClient } from '#libs/grpc';

import { membersOf, model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const { CSV, PARQUET } = exporting.ExportFormat;
const { STRENGTH } = exporting.ExportColumn;
const { SUCCEEDED, CANCELLED, RUNNING } = exporting.ExportState;
const DAY = 86_400_000;
/** More than are named at once. */
const MEMBERS = 620;

let house: ServingHouse;
let replica: ServingReplica;
let workspace: TestWorkspace;
let customers: string[];
let segmentId: string;
let forgettings: RpcClient<typeof forgetting.ForgettingServiceService>;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ EXPORT_EVERY_SECONDS: '1' });
  forgettings = connect(forgetting.ForgettingServiceService, replica.address);
  workspace = await house.workspace();
  customers = await house.customers(workspace.id, MEMBERS);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  const { customers: placed } = await replica.memberships.getCustomerMemberships({ customerIds: [customers[0] ?? ''] }, workspace.call);
  segmentId = placed[0]?.memberships[0]?.segmentId ?? '';
});
afterEach(() => {
  house.customersOutside.erased.clear();
  house.customersOutside.suppressed.clear();
  house.customersOutside.names.clear();
  house.customersOutside.isAway = false;
  house.customersOutside.beforeNames.go();
});
afterAll(async () => {
  forgettings.close();
  await house.close();
});

const USUAL = { columns: undefined, attributes: [], asOf: undefined };
type Choice = Pick<exporting.StartExportRequest, 'columns' | 'attributes' | 'asOf'>;
const start = async (format: exporting.ExportFormat, choice: Choice = USUAL) => (await replica.exports.startExport({ segmentId, format, ...choice }, workspace.call)).export?.id ?? '';
const get = async (id: string) => (await replica.exports.getExport({ id }, workspace.call)).export ?? exporting.Export.fromPartial({});
const ended = (id: string) => until(() => get(id), ({ finishedAt }) => finishedAt !== undefined, 20_000);
const exported = async (format: exporting.ExportFormat, choice?: Choice) => ended(await start(format, choice));
const pathOf = ({ artifact }: exporting.Export) => join(fileURLToPath(house.platform.artifactUrl), artifact);
const publicId = (id: string) => Buffer.from(`Customer:${id}`).toString('base64url');
const isThere = (path: string) => accessFile(path).then(() => true, () => false);

interface Row {
  customer_id: string;
  user_id: string | null;
  anonymous_id: string | null;
  strength: number;
  since: string;
}

async function rowsOf(file: string): Promise<Row[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const source = file.endsWith('.csv') ? `read_csv('${file}', header = true)` : `read_parquet('${file}')`;
    return (await connection.runAndReadAll(`SELECT customer_id, user_id, anonymous_id, strength, since::VARCHAR AS since FROM ${source}`)).getRowObjectsJson() as unknown as Row[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** All members as the list tells them, in its order. */
async function listed(): Promise<{ ids: string[]; total: number }> {
  const ids: string[] = [];
  for (let after = ''; ; ) {
    const { members, pageInfo } = await membersOf(replica, workspace, segmentId, { first: 500, after });
    ids.push(...members.map(({ customerId }) => customerId));
    if (!pageInfo?.hasNextPage) return { ids, total: pageInfo?.totalCount ?? 0 };
    after = pageInfo.endCursor;
  }
}

test.each([['CSV', CSV], ['Parquet', PARQUET]] as const)('members come as %s, as the list has them, beside a manifest that says of what they are', async (_name, format) => {
  const made = await exported(format);
  expect(made).toMatchObject({ state: SUCCEEDED, segmentId, requestedBy: 'key:test', membersDone: MEMBERS, membersTotal: MEMBERS, error: '' });
  const { ids, total } = await listed();
  const rows = await rowsOf(pathOf(made));
  expect(total).toBe(MEMBERS);
  expect(rows.map(({ customer_id }) => customer_id)).toEqual(ids.map(publicId));
  expect(rows[0]).toMatchObject({ user_id: `user-${ids[0]}`, anonymous_id: null, strength: expect.any(Number) });
  const bytes = await readFile(pathOf(made));
  expect(made.manifest).toMatchObject({
    rows: MEMBERS, members: MEMBERS, leftOutErased: 0, leftOutSuppressed: 0, forgotten: 0, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  const beside = JSON.parse(await readFile(pathOf(made).replace(/\.(csv|parquet)$/, '.json'), 'utf8'));
  expect(beside).toMatchObject({ format: 'kindred.export/1', exportId: made.id, members: MEMBERS, file: { rows: MEMBERS, sha256: made.manifest?.sha256 } });
  expect(Date.parse(beside.asOf)).toBe(Date.parse(made.manifest?.asOf ?? ''));
  const { basis } = await replica.segments.listSegments(serving.ListSegmentsRequest.fromPartial({}), workspace.call);
  expect(made.manifest).toMatchObject({ placed: basis?.placed, unseen: basis?.unseen });
  expect(beside.read).toEqual({ placed: basis?.placed, unlikeAnythingSeen: basis?.unseen });
});

test('as of a time it is of who was in the segment then, as the list of that time has them', async () => {
  const own = await house.workspace();
  const [stays = '', leaves = '', comes = ''] = await house.customers(own.id, 3);
  const order = (customerId: string) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY });
  await house.track(own.id, [order(stays), order(leaves)]);
  const only = model();
  await house.prepare(replica, own, only);
  await replica.activation.activate({ modelId: only.id, fence: 1 }, own.service);
  const placeOf = async (customerId: string) => (await replica.memberships.getCustomerMemberships({ customerIds: [customerId] }, own.call)).customers[0]?.memberships[0]?.segmentId;
  const few = (await placeOf(stays)) ?? '';
  const then = new Date().toISOString();
  await until(async () => Date.now(), (now) => now > Date.parse(then));
  await house.track(own.id, [{ customerId: leaves, name: 'Alien' }, order(comes)]);
  await until(() => Promise.all([placeOf(leaves), placeOf(comes)]), ([left, came]) => left === undefined && came === few);

  const endedOf = async (asOf: string | undefined, columns?: exporting.ExportColumns) => {
    const { export: begun } = await replica.exports.startExport({ segmentId: few, format: PARQUET, columns, attributes: [], asOf }, own.call);
    return until(async () => (await replica.exports.getExport({ id: begun?.id ?? '' }, own.call)).export ?? exporting.Export.fromPartial({}), ({ finishedAt }) => finishedAt !== undefined, 20_000);
  };
  const idsOf = async (made: exporting.Export) => (await rowsOf(pathOf(made))).map(({ customer_id }) => customer_id).sort();
  const [past, now] = [await endedOf(then), await endedOf(undefined)];
  expect([await idsOf(past), await idsOf(now)]).toEqual([[stays, leaves].map(publicId).sort(), [stays, comes].map(publicId).sort()]);
  expect(past).toMatchObject({ asOf: then, manifest: { asOf: then, members: 2, rows: 2, newestEventAt: undefined } });
  expect([past.manifest?.placed, past.manifest?.unseen]).toEqual([undefined, undefined]);
  expect(now).toMatchObject({ asOf: undefined, manifest: { members: 2, placed: 2, unseen: 1 } });
  await expect(endedOf(new Date(Date.now() + DAY).toISOString())).rejects.toMatchObject({ reason: 'AS_OF_INVALID' });
  await expect(endedOf(new Date(Date.now() - DAY).toISOString())).rejects.toMatchObject({ reason: 'AS_OF_BEFORE_HISTORY' });
  await expect(endedOf(then, { columns: [exporting.ExportColumn.NOVELTY] })).rejects.toMatchObject({ reason: 'COLUMNS_INVALID' });
});

test('who is erased or suppressed is in no new export, and the manifest counts them', async () => {
  const [erased = '', suppressed = ''] = customers;
  house.customersOutside.erased.add(erased);
  house.customersOutside.suppressed.add(suppressed);
  const made = await exported(PARQUET);
  expect(made.manifest).toMatchObject({ rows: MEMBERS - 2, members: MEMBERS, leftOutErased: 1, leftOutSuppressed: 1 });
  const ids = (await rowsOf(pathOf(made))).map(({ customer_id }) => customer_id);
  expect(ids).not.toContain(publicId(erased));
  expect(ids).not.toContain(publicId(suppressed));
});

test('a failed attempt is made again until it works', async () => {
  house.customersOutside.isAway = true;
  const id = await start(CSV);
  await until(() => house.owner.query<{ fence: number }>('select fence from serving.exports where id = $1', [id]), ({ rows }) => (rows[0]?.fence ?? 0) >= 2);
  expect((await get(id)).state).toBe(RUNNING);
  house.customersOutside.isAway = false;
  expect(await ended(id)).toMatchObject({ state: SUCCEEDED, error: '' });
});

test('an export that is cancelled ends without a file', async () => {
  house.customersOutside.beforeNames.hold();
  const id = await start(CSV);
  await house.customersOutside.beforeNames.reached.next();
  await replica.exports.cancelExport({ id }, workspace.call);
  house.customersOutside.beforeNames.go();
  expect(await ended(id)).toMatchObject({ state: CANCELLED, artifact: '', manifest: undefined });
  await expect(replica.exports.cancelExport({ id }, workspace.call)).rejects.toMatchObject({ reason: 'EXPORT_ENDED' });
});

test.each([['CSV', CSV], ['Parquet', PARQUET]] as const)('files that hold somebody who is suppressed later are written anew without them: %s', async (_name, format) => {
  const made = await exported(format);
  const [gone = ''] = customers;
  house.customersOutside.suppressed.add(gone);
  const { tables } = await forgettings.forgetExported({ customerIds: [gone] }, workspace.service);
  const told = Object.fromEntries(tables.map(({ table, rows }) => [table, rows]));
  expect(told['serving.exports (files written anew)']).toBeGreaterThanOrEqual(1);
  expect(told['serving.exports (rows taken out)']).toBe(told['serving.exports (files written anew)']);
  const anew = await get(made.id);
  const bytes = await readFile(pathOf(anew));
  expect(anew.manifest).toMatchObject({ rows: MEMBERS - 1, members: MEMBERS, forgotten: 1, sha256: createHash('sha256').update(bytes).digest('hex') });
  const rows = await rowsOf(pathOf(anew));
  expect(rows).toHaveLength(MEMBERS - 1);
  expect(rows.map(({ customer_id }) => customer_id)).not.toContain(publicId(gone));
  expect(await isThere(pathOf(made))).toBe(false);
  // Once they are out, there is nothing left to do.
  const again = await forgettings.forgetExported({ customerIds: [gone] }, workspace.service);
  expect(again.tables.map(({ rows: count }) => count)).toEqual([0, 0]);
});

test('what is being written while somebody is forgotten begins anew, and its file is without them', async () => {
  const [, , gone = ''] = customers;
  house.customersOutside.beforeNames.hold();
  const id = await start(PARQUET);
  await house.customersOutside.beforeNames.reached.next();
  const { rows: before } = await house.owner.query<{ fence: number }>('select fence from serving.exports where id = $1', [id]);
  house.customersOutside.suppressed.add(gone);
  await forgettings.forgetExported({ customerIds: [gone] }, workspace.service);
  house.customersOutside.beforeNames.go();
  const made = await ended(id);
  expect(made).toMatchObject({ state: SUCCEEDED, manifest: { rows: MEMBERS - 1, leftOutSuppressed: 1 } });
  const { rows: after } = await house.owner.query<{ fence: number }>('select fence from serving.exports where id = $1', [id]);
  expect(after[0]?.fence).toBeGreaterThan((before[0]?.fence ?? 0) + 1);
  // Nothing of the attempt that was given up lies in the store.
  expect(await isThere(join(dirname(pathOf(made)), `members-${before[0]?.fence}.parquet`))).toBe(false);
});

test('a schedule exports by the clock, also after Redis was emptied, until it is paused or deleted', async () => {
  const { schedule } = await replica.exports.createExportSchedule({ segmentId, format: CSV, cron: '* * * * * *', timeZone: 'Europe/Berlin', columns: { columns: [STRENGTH] }, attributes: ['plan'] }, workspace.call);
  const id = schedule?.id ?? '';
  expect(schedule).toMatchObject({ columns: [STRENGTH], attributes: ['plan'], cron: '* * * * * *', timeZone: 'Europe/Berlin', paused: false, requestedBy: 'key:test' });
  const made = () => replica.exports.listExports({ page: undefined, segmentId: '', scheduleId: id }, workspace.call);
  const total = async () => (await made()).pageInfo?.totalCount ?? 0;
  await until(total, (count) => count >= 2, 20_000);
  expect((await made()).exports[0]).toMatchObject({ scheduleId: id, segmentId, requestedBy: 'key:test', columns: [STRENGTH], attributes: ['plan'] });
  await house.redis.flushall();
  const before = await total();
  await until(total, (count) => count > before, 20_000);
  const { schedule: paused } = await replica.exports.updateExportSchedule({ id, cron: undefined, timeZone: undefined, paused: true, columns: undefined, attributes: undefined }, workspace.call);
  expect(paused).toMatchObject({ paused: true, nextAt: undefined, cron: '* * * * * *' });
  await until(async () => house.redis.exists(`{kindred}:export-schedules:repeat:${id}`), (count) => count === 0);
  expect((await replica.exports.listExportSchedules({ page: undefined, segmentId }, workspace.call)).schedules.map((one) => one.id)).toEqual([id]);
  // What several schedules exported is what each did.
  const several = async (page: { first: number; after: string }, withTotal = true) =>
    (await replica.exports.listExportsOfSchedules({ scheduleIds: [segmentId, id, 'no id'], page, withTotal }, workspace.call)).schedules;
  const idsOf = (exports: readonly exporting.Export[] = []) => exports.map((one) => one.id);
  const all = idsOf((await made()).exports);
  const [nobody, whole] = await several({ first: 25, after: '' });
  expect([idsOf(nobody?.exports), idsOf(whole?.exports), whole?.pageInfo?.totalCount]).toEqual([[], all, await total()]);
  const [, cut] = await several({ first: 1, after: '' }, false);
  expect(cut?.pageInfo).toMatchObject({ hasNextPage: true, totalCount: 0 });
  const [, rest] = await several({ first: 25, after: cut?.pageInfo?.endCursor ?? '' });
  expect([...idsOf(cut?.exports), ...idsOf(rest?.exports)]).toEqual(all);
  await replica.exports.deleteExportSchedule({ id }, workspace.call);
  expect((await replica.exports.listExportSchedules({ page: undefined, segmentId }, workspace.call)).schedules).toEqual([]);
  const { rows } = await house.owner.query<{ ticks: number; exports: number }>(
    'select count(distinct scheduled_for)::int as ticks, count(*)::int as exports from serving.exports where schedule_id = $1', [id]);
  expect(rows[0]?.ticks).toBe(rows[0]?.exports);
});

test('what cannot be exported is refused with a reason', async () => {
  const { call } = workspace;
  const nobody = '01900000-0000-7000-8000-000000000001';
  await expect(replica.exports.startExport({ segmentId: nobody, format: CSV, ...USUAL }, call)).rejects.toMatchObject({ reason: 'SEGMENT_UNKNOWN' });
  await expect(replica.exports.startExport({ segmentId, format: exporting.ExportFormat.UNSPECIFIED, ...USUAL }, call)).rejects.toMatchObject({ reason: 'FORMAT_MISSING' });
  await expect(replica.exports.createExportSchedule({ segmentId, format: CSV, cron: 'monday', timeZone: '', ...USUAL }, call)).rejects.toMatchObject({ reason: 'SCHEDULE_INVALID' });
  await expect(replica.exports.getExport({ id: nobody }, call)).rejects.toMatchObject({ reason: 'EXPORT_UNKNOWN' });
  await expect(replica.exports.deleteExportSchedule({ id: nobody }, call)).rejects.toMatchObject({ reason: 'SCHEDULE_UNKNOWN' });
  const other = await house.workspace();
  const mine = await exported(CSV);
  await expect(replica.exports.getExport({ id: mine.id }, other.call)).rejects.toMatchObject({ reason: 'EXPORT_UNKNOWN' });
  await expect(replica.exports.startExport({ segmentId, format: CSV, ...USUAL }, other.call)).rejects.toMatchObject({ reason: 'SEGMENT_UNKNOWN' });
});
