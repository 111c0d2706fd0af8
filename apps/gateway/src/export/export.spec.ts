import { Readable } from 'node:stream';

import { exporting } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { AT, id, KEYS, WORKSPACE } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';
import type { GatewayParts } from '../graphql/context.js';
import { GATEWAY_PARTS } from '../parts.module.js';

const { USER_ID, NOVELTY } = exporting.ExportColumn;
const EXPORT = id('run', 1);
const SCHEDULE = id('run', 2);
const SEGMENT = globalId('Segment', id('segment', 1));

const manifest: exporting.ExportManifest = {
  asOf: AT, newestEventAt: AT, modelId: id('model', 1), versionAt: AT, rows: 7, members: 10, leftOutErased: 1, leftOutSuppressed: 1, forgotten: 1, sha256: 'ab12', bytes: 99, placed: 38, unseen: 2,
  columns: [{ name: 'customer_id', type: 'VARCHAR' }],
};
const exportOf = (more: Partial<exporting.Export> = {}): exporting.Export => ({
  id: EXPORT, segmentId: id('segment', 1), format: exporting.ExportFormat.PARQUET, state: exporting.ExportState.RUNNING, requestedBy: 'key:editor', scheduleId: '', createdAt: AT,
  startedAt: AT, finishedAt: undefined, membersDone: 5, membersTotal: 10, error: '', artifact: '', manifest: undefined, columns: [USER_ID], attributes: [], asOf: undefined, ...more,
});
const schedule: exporting.ExportSchedule = {
  id: SCHEDULE, segmentId: id('segment', 1), format: exporting.ExportFormat.CSV, cron: '0 6 * * 1', timeZone: 'Europe/Berlin', paused: false, requestedBy: 'key:editor', createdAt: AT, nextAt: AT,
  columns: [USER_ID, NOVELTY], attributes: ['plan'],
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
beforeEach(() => {
  gateway.services.reset();
  gateway.services.replace('startExport', () => ({ export: exportOf({ state: exporting.ExportState.QUEUED, membersTotal: 0 }) }));
  gateway.services.replace('getExport', () => ({ export: exportOf() }));
  gateway.services.replace('getExportSchedule', () => ({ schedule }));
  gateway.services.replace('listExports', () => ({ exports: [exportOf({ scheduleId: SCHEDULE })], pageInfo: { endCursor: 'e', hasNextPage: false, totalCount: 1 } }));
  gateway.services.replace('listExportsOfSchedules', ({ scheduleIds }: exporting.ListExportsOfSchedulesRequest) => ({
    schedules: scheduleIds.map((scheduleId) => ({ scheduleId, exports: [exportOf({ scheduleId })], pageInfo: { endCursor: 'e', hasNextPage: false, totalCount: 1 } })),
  }));
  gateway.services.replace('listExportSchedules', () => ({ schedules: [schedule], pageInfo: { endCursor: 's', hasNextPage: false, totalCount: 1 } }));
});
afterAll(() => gateway.close());

const requestOf = (method: string) => gateway.services.calls.find((call) => call.method === method)?.request;
const START = 'mutation($id: ID!) { exportSegment(segmentId: $id, format: CSV) { __typename ... on Export { id state progress } ... on Failure { code } } }';

test('an export is asked for by an editor, followed, and left to the audit trail', async () => {
  const { body } = await gateway.ask(START, { id: SEGMENT }, KEYS.editor);
  expect(body.data.exportSegment).toEqual({ __typename: 'Export', id: globalId('Export', EXPORT), state: 'QUEUED', progress: null });
  expect(requestOf('startExport')).toEqual({ segmentId: id('segment', 1), format: exporting.ExportFormat.CSV, columns: undefined, attributes: [] });
  expect(gateway.services.audit).toMatchObject([{ action: 'exportSegment', target: `Export:${EXPORT}`, outcome: 'OK' }]);
  const follow = await gateway.ask('query($id: ID!) { export(id: $id) { format state progress download { url } manifest { rows } schedule { id } segment { name } } node(id: $id) { __typename } }', { id: globalId('Export', EXPORT) });
  expect(follow.body.data).toEqual({
    export: { format: 'PARQUET', state: 'RUNNING', progress: 0.5, download: null, manifest: null, schedule: null, segment: { name: 'Segment 1' } }, node: { __typename: 'Export' },
  });
  expect((await gateway.ask(START, { id: SEGMENT }, KEYS.viewer)).status).toBe(403);
  expect((await gateway.ask('{ exports { totalCount } }', {}, KEYS.viewer)).status).toBe(403);
});

test('an export as of a time is asked for as of that time, and says so; a time that has no answer is a typed result', async () => {
  gateway.services.replace('startExport', ({ asOf }: exporting.StartExportRequest) => {
    if (asOf === AT) return { export: exportOf({ asOf }) };
    throw RpcError.precondition('asOf: memberships are known from then on.', { reason: 'AS_OF_BEFORE_HISTORY' });
  });
  const start = 'mutation($id: ID!, $asOf: DateTime) { exportSegment(segmentId: $id, format: CSV, asOf: $asOf) { ... on Export { asOf } ... on Failure { __typename code } } }';
  expect((await gateway.ask(start, { id: SEGMENT, asOf: AT }, KEYS.editor)).body.data.exportSegment).toEqual({ asOf: AT });
  expect((await gateway.ask(start, { id: SEGMENT, asOf: '2020-01-01T00:00:00Z' }, KEYS.editor)).body.data.exportSegment).toEqual({ __typename: 'ExportInvalid', code: 'AS_OF_BEFORE_HISTORY' });
});

test('a file is fetched by a link under its own name and type, and told with what it holds', async () => {
  const { artifacts } = gateway.service.app.get<GatewayParts>(GATEWAY_PARTS);
  const { path } = await artifacts.write({ workspaceId: WORKSPACE, area: 'exports', id: EXPORT, name: 'members-3.csv' }, Readable.from(['customer_id\n']));
  gateway.services.replace('getExport', () => ({ export: exportOf({ state: exporting.ExportState.SUCCEEDED, artifact: path, manifest }) }));
  const { body } = await gateway.ask(
    'query($id: ID!) { export(id: $id) { progress download { url } manifest { asOf versionAt rows members leftOutErased leftOutSuppressed forgotten checksum bytes columns { name type } model { version } basis { asOf customers placed unlikeAnythingSeen newestEventAt eventsBehind } } } }', { id: globalId('Export', EXPORT) });
  const { download, ...told } = body.data.export;
  expect(told).toEqual({
    progress: 1,
    manifest: { asOf: AT, versionAt: AT, rows: 7, members: 10, leftOutErased: 1, leftOutSuppressed: 1, forgotten: 1, checksum: 'ab12', bytes: 99, columns: [{ name: 'customer_id', type: 'VARCHAR' }], model: { version: 1 }, basis: { asOf: AT, customers: null, placed: 38, unlikeAnythingSeen: 2, newestEventAt: AT, eventsBehind: null } },
  });
  const file = await fetch(gateway.url + download.url);
  expect([file.status, file.headers.get('content-type'), file.headers.get('content-disposition'), await file.text()]).toEqual([
    200, 'text/csv; charset=utf-8', `attachment; filename="segment-1-${String(AT).slice(0, 10)}.csv"`, 'customer_id\n',
  ]);
});

test('a schedule is made, listed with what it exported, paused and deleted', async () => {
  gateway.services.replace('createExportSchedule', () => ({ schedule }));
  gateway.services.replace('updateExportSchedule', ({ paused }: exporting.UpdateExportScheduleRequest) => ({ schedule: { ...schedule, paused: paused ?? false, nextAt: undefined } }));
  gateway.services.replace('deleteExportSchedule', () => ({}));
  const made = await gateway.ask(
    'mutation($id: ID!) { createExportSchedule(input: { segmentId: $id, format: CSV, cron: "0 6 * * 1", timeZone: "Europe/Berlin", columns: [USER_ID, NOVELTY], attributes: ["plan"] }) { ... on ExportSchedule { id cron timeZone nextAt isPaused columns attributes } } }', { id: SEGMENT });
  const own = globalId('ExportSchedule', SCHEDULE);
  expect(made.body.data.createExportSchedule).toEqual({ id: own, cron: '0 6 * * 1', timeZone: 'Europe/Berlin', nextAt: AT, isPaused: false, columns: ['USER_ID', 'NOVELTY'], attributes: ['plan'] });
  expect(requestOf('createExportSchedule')).toMatchObject({ columns: { columns: [USER_ID, NOVELTY] }, attributes: ['plan'] });
  const listed = await gateway.ask('query($id: ID!) { exportSchedules(segmentId: $id) { totalCount nodes { id exports { nodes { schedule { id } } } } } }', { id: SEGMENT });
  expect(listed.body.data.exportSchedules).toEqual({ totalCount: 1, nodes: [{ id: own, exports: { nodes: [{ schedule: { id: own } }] } }] });
  expect(requestOf('listExportsOfSchedules')).toMatchObject({ scheduleIds: [SCHEDULE], withTotal: false });
  const paused = await gateway.ask('mutation($id: ID!) { updateExportSchedule(id: $id, input: { isPaused: true }) { ... on ExportSchedule { isPaused nextAt } } }', { id: own });
  expect(paused.body.data.updateExportSchedule).toEqual({ isPaused: true, nextAt: null });
  expect(requestOf('updateExportSchedule')).toEqual({ id: SCHEDULE, paused: true });
  gateway.services.calls.length = 0;
  await gateway.ask('mutation($id: ID!) { updateExportSchedule(id: $id, input: { columns: [NOVELTY], attributes: [] }) { __typename } }', { id: own });
  expect(requestOf('updateExportSchedule')).toEqual({ id: SCHEDULE, columns: { columns: [NOVELTY] }, attributes: { names: [] } });
  const gone = await gateway.ask('mutation($id: ID!) { deleteExportSchedule(id: $id) { ... on ExportScheduleDeleted { id } } }', { id: own });
  expect(gone.body.data.deleteExportSchedule).toEqual({ id: own });
});

test('what cannot be is answered with a code, and foreign ids with that there is no such thing', async () => {
  gateway.services.replace('startExport', () => {
    throw new RpcError(status.RESOURCE_EXHAUSTED, 'Too many.', { reason: 'TOO_MANY_EXPORTS' });
  });
  gateway.services.replace('cancelExport', () => {
    throw RpcError.precondition('It has ended.', { reason: 'EXPORT_ENDED' });
  });
  expect((await gateway.ask(START, { id: SEGMENT })).body.data.exportSegment).toEqual({ __typename: 'ExportInvalid', code: 'TOO_MANY_EXPORTS' });
  expect((await gateway.ask(START, { id: globalId('Model', id('model', 1)) })).body.data.exportSegment).toEqual({ __typename: 'NotFound', code: 'SEGMENT_UNKNOWN' });
  const cancel = await gateway.ask('mutation($id: ID!) { cancelExport(id: $id) { __typename ... on Failure { code } } }', { id: globalId('Export', EXPORT) });
  expect(cancel.body.data.cancelExport).toEqual({ __typename: 'ExportEnded', code: 'EXPORT_ENDED' });
  const foreign = await gateway.ask('{ exports(segmentId: "x") { totalCount } }');
  expect(foreign.body.errors).toBeUndefined();
  expect(requestOf('listExports')).toMatchObject({ segmentId: 'none' });
});
