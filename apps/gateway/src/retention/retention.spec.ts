import { retention } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { AT, id, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

const ARCHIVE = id('run', 1);
const REQUEST = id('run', 2);
const archive: retention.EventArchive = {
  id: ARCHIVE, state: retention.EventArchiveState.ARCHIVED, periodStart: AT, periodEnd: AT, events: 7, bytes: 900, sha256: 'ab', firstOccurredAt: AT, lastOccurredAt: AT,
  archivedAt: AT, droppedAt: undefined, restoredAt: undefined, keptUntil: undefined,
};
const request = retention.ArchiveRequest.fromPartial({
  id: REQUEST, kind: retention.ArchiveRequestKind.REPLAY, state: retention.ArchiveRequestState.RUNNING, requestedBy: 'key:admin', createdAt: AT, eventsTotal: 8, eventsDone: 2,
});

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
beforeEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const requestTo = (method: string) => gateway.services.calls.find((call) => call.method === method)?.request;

test('a policy is set and read, with null for ever, and one without meaning is told of', async () => {
  gateway.services.replace('setRetentionPolicy', ({ policy }: retention.SetRetentionPolicyRequest) => {
    if (policy?.archiveAfterDays === 0) throw RpcError.invalid('Say archiveAfterDays too.', { reason: 'RETENTION_INVALID' });
    return { policy };
  });
  const SET = 'mutation($input: RetentionPolicyInput!) { setRetentionPolicy(input: $input) { __typename ... on RetentionPolicy { archiveAfterDays dropAfterDays } ... on Failure { code } } }';
  const set = async (input: object, key: string = KEYS.admin) => gateway.ask(SET, { input }, key);
  expect((await set({ archiveAfterDays: 90 })).body.data.setRetentionPolicy).toEqual({ __typename: 'RetentionPolicy', archiveAfterDays: 90, dropAfterDays: null });
  expect((await set({ dropAfterDays: 90 })).body.data.setRetentionPolicy).toEqual({ __typename: 'RetentionInvalid', code: 'RETENTION_INVALID' });
  expect((await set({ archiveAfterDays: 0 })).body.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  expect((await set({ archiveAfterDays: 90 }, KEYS.editor)).status).toBe(403);
});

test('archives are listed with their rows and checksum', async () => {
  gateway.services.replace('listEventArchives', () => ({ archives: [archive], pageInfo: { endCursor: 'a', hasNextPage: false, totalCount: 1 } }));
  const { body } = await gateway.ask('{ eventArchives { totalCount nodes { id state from to rows bytes checksum firstOccurredAt archivedAt droppedAt } } }');
  expect(body.data.eventArchives).toEqual({
    totalCount: 1,
    nodes: [{ id: globalId('EventArchive', ARCHIVE), state: 'ARCHIVED', from: AT, to: AT, rows: 7, bytes: 900, checksum: 'ab', firstOccurredAt: AT, archivedAt: AT, droppedAt: null }],
  });
});

test('an archive is replayed with a key that the audit trail does not keep, and a key that may not write is told of', async () => {
  gateway.services.replace('replayArchive', ({ writeKey }: retention.ReplayArchiveRequest) => {
    if (writeKey === 'kv_reader') throw new RpcError(status.PERMISSION_DENIED, 'no', { reason: 'KEY_REFUSED' });
    return { request };
  });
  const REPLAY = `mutation($id: ID!, $key: String) { replayArchive(id: $id, writeKey: $key) {
    __typename ... on ArchiveRequest { id kind state progress eventsTotal error } ... on Failure { code } } }`;
  const replay = async (archiveId: string, key?: string) => (await gateway.ask(REPLAY, { id: archiveId, key })).body.data.replayArchive;
  expect(await replay(globalId('EventArchive', ARCHIVE), 'kw_other')).toEqual({
    __typename: 'ArchiveRequest', id: globalId('ArchiveRequest', REQUEST), kind: 'REPLAY', state: 'RUNNING', progress: 0.25, eventsTotal: 8, error: null,
  });
  expect(requestTo('replayArchive')).toEqual({ archiveId: ARCHIVE, writeKey: 'kw_other' });
  expect(JSON.stringify(gateway.services.audit)).not.toContain('kw_other');
  expect(gateway.services.audit).toMatchObject([{ action: 'replayArchive' }]);
  expect(await replay(globalId('EventArchive', ARCHIVE), 'kv_reader')).toEqual({ __typename: 'WriteKeyRefused', code: 'KEY_REFUSED' });
  expect(await replay('nothing')).toEqual({ __typename: 'NotFound', code: 'ARCHIVE_UNKNOWN' });
});

test('archiving is asked for and stopped, one at a time', async () => {
  gateway.services.replace('archiveEvents', () => {
    throw RpcError.precondition('wait', { reason: 'ARCHIVING_ACTIVE' });
  });
  gateway.services.replace('cancelArchiveRequest', () => ({ request: { ...request, state: retention.ArchiveRequestState.CANCELLED } }));
  gateway.services.replace('getArchiveRequest', () => ({ request }));
  const { body } = await gateway.ask(`mutation($id: ID!) {
    archiveEvents(before: "2026-01-01T00:00:00Z") { __typename } cancelArchiveRequest(id: $id) { ... on ArchiveRequest { state } } }`, { id: globalId('ArchiveRequest', REQUEST) });
  expect(body.data).toEqual({ archiveEvents: { __typename: 'ArchivingActive' }, cancelArchiveRequest: { state: 'CANCELLED' } });
  gateway.services.replace('archiveEvents', () => {
    throw RpcError.precondition('There is nothing to archive.', { reason: 'NOTHING_TO_ARCHIVE' });
  });
  const early = await gateway.ask('mutation { archiveEvents(before: "2026-01-01T00:00:00Z") { __typename ... on Failure { code message } } }');
  expect(early.body.data.archiveEvents).toEqual({ __typename: 'NothingToArchive', code: 'NOTHING_TO_ARCHIVE', message: 'There is nothing to archive.' });
  const read = await gateway.ask('query($id: ID!) { archiveRequest(id: $id) { state } node(id: $id) { __typename } }', { id: globalId('ArchiveRequest', REQUEST) });
  expect(read.body.data).toEqual({ archiveRequest: { state: 'RUNNING' }, node: { __typename: 'ArchiveRequest' } });
  gateway.services.replace('getArchiveRequest', () => ({ request: { ...request, state: retention.ArchiveRequestState.SUCCEEDED, eventsTotal: 0, eventsDone: 0 } }));
  const empty = await gateway.ask('query($id: ID!) { archiveRequest(id: $id) { state progress eventsTotal eventsDone } }', { id: globalId('ArchiveRequest', REQUEST) });
  expect(empty.body.data.archiveRequest).toEqual({ state: 'SUCCEEDED', progress: 1, eventsTotal: 0, eventsDone: 0 });
});

test('an archive is restored and kept for the days that are said, and one that was dropped is told of', async () => {
  gateway.services.replace('restoreArchive', ({ archiveId }: retention.RestoreArchiveRequest) => {
    if (archiveId !== ARCHIVE) throw RpcError.precondition('gone', { reason: 'ARCHIVE_DROPPED' });
    return { request: { ...request, kind: retention.ArchiveRequestKind.RESTORE } };
  });
  const RESTORE = `mutation($id: ID!, $days: Int) { restoreArchive(id: $id, keepDays: $days) { __typename ... on ArchiveRequest { kind progress } ... on Failure { code } } }`;
  const restore = async (archiveId: string, days?: number) => gateway.ask(RESTORE, { id: archiveId, days });
  expect((await restore(globalId('EventArchive', ARCHIVE))).body.data.restoreArchive).toEqual({ __typename: 'ArchiveRequest', kind: 'RESTORE', progress: 0.25 });
  expect(requestTo('restoreArchive')).toEqual({ archiveId: ARCHIVE, keepDays: 30 });
  expect((await restore(globalId('EventArchive', REQUEST), 7)).body.data.restoreArchive).toEqual({ __typename: 'ArchiveDropped', code: 'ARCHIVE_DROPPED' });
  expect((await restore(globalId('EventArchive', ARCHIVE), 0)).body.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  expect((await restore('not an id')).body.data.restoreArchive).toEqual({ __typename: 'NotFound', code: 'ARCHIVE_UNKNOWN' });
});
