import { ingestion, quarantine } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

const OWN = '01900000-0000-7000-8000-0000000000b1';
const ID = globalId('RejectedEvent', OWN);
const REFUSED: ingestion.RejectedEvent = {
  id: OWN, receivedAt: AT, messageId: 'm-1', reason: 'ID_MISSING', detail: 'Nobody.', payload: '{"event":"Seen"}', source: 'http', state: ingestion.RejectedEventState.OPEN,
  unit: ingestion.RejectedEventUnit.EVENT, mendedPayload: '', resolvedAt: undefined, resolvedBy: '', note: '', payloadBytes: 16,
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const data = async (query: string, variables?: Record<string, unknown>, key?: string) => {
  const { body } = await gateway.ask(query, variables, key);
  expect(body.errors).toBeUndefined();
  return body.data;
};
const request = (method: string) => gateway.services.calls.find((call) => call.method === method)?.request;

test('groups come open ones first unless asked otherwise, each with an example', async () => {
  gateway.services.replace('listRejectedEventGroups', () => ({ groups: [{ reason: 'ID_MISSING', source: 'http', count: 3, firstSeenAt: AT, lastSeenAt: AT, example: REFUSED }], totalCount: 1 }));
  const { rejectedEventGroups } = await data('{ rejectedEventGroups { totalCount nodes { reason source count firstSeenAt lastSeenAt example { id state unit mendedPayload resolvedBy note payloadBytes } } } }', {}, KEYS.viewer);
  expect(rejectedEventGroups).toEqual({
    totalCount: 1,
    nodes: [{
      reason: 'ID_MISSING', source: 'http', count: 3, firstSeenAt: AT, lastSeenAt: AT,
      example: { id: ID, state: 'OPEN', unit: 'EVENT', mendedPayload: null, resolvedBy: null, note: null, payloadBytes: 16 },
    }],
  });
  expect(request('listRejectedEventGroups')).toEqual({ state: ingestion.RejectedEventState.OPEN, first: 25 });
});

test('what came from a file leads to its import and the mapping that its rows were read by', async () => {
  const group = { reason: 'TIME_INVALID', count: 1, firstSeenAt: AT, lastSeenAt: AT, example: REFUSED };
  gateway.services.replace('listRejectedEventGroups', () => ({ groups: [{ ...group, source: `import:${OWN}` }, { ...group, source: 'http' }], totalCount: 2 }));
  gateway.services.replace('getImports', () => ({ imports: [ingestion.Import.fromPartial({ id: OWN, mapping: '{"form":"segment"}' })] }));
  const { rejectedEventGroups } = await data('{ rejectedEventGroups { nodes { import { id mapping } } } }', {}, KEYS.viewer);
  expect(rejectedEventGroups.nodes).toEqual([{ import: { id: globalId('Import', OWN), mapping: { form: 'segment' } } }, { import: null }]);
  expect(request('getImports')).toEqual({ ids: [OWN] });
});

test('one that is not there is null, and is not asked for by an id of something else', async () => {
  gateway.services.replace('getRejectedEvent', () => {
    throw RpcError.notFound('None.', { reason: 'REJECTED_EVENT_UNKNOWN' });
  });
  expect(await data('query($id: ID!) { one: rejectedEvent(id: $id) { id } other: rejectedEvent(id: "zzz") { id } }', { id: ID })).toEqual({ one: null, other: null });
  expect(gateway.services.count('getRejectedEvent')).toBe(1);
});

test('a mend answers the event, or what is still wrong, and leaves no payload in the audit trail', async () => {
  const mutation = `mutation($id: ID!, $payload: JSON!) { mendRejectedEvent(id: $id, payload: $payload) {
    __typename ... on RejectedEvent { mendedPayload } ... on StillRejected { code reason message } ... on RejectedEventResolved { state } ... on NotFound { code } } }`;
  const payload = { type: 'track', userId: 'ann@example.org' };
  const fails: [string, RpcError, object][] = [
    ['StillRejected', RpcError.invalid('No name.', { reason: 'STILL_REJECTED', metadata: { reason: 'NAME_MISSING' } }), { code: 'STILL_REJECTED', reason: 'NAME_MISSING', message: 'No name.' }],
    ['RejectedEventResolved', RpcError.precondition('Done.', { reason: 'REJECTED_EVENT_RESOLVED', metadata: { state: 'DISCARDED' } }), { state: 'DISCARDED' }],
    ['NotFound', RpcError.notFound('None.', { reason: 'REJECTED_EVENT_UNKNOWN' }), { code: 'REJECTED_EVENT_UNKNOWN' }],
  ];
  for (const [type, error, fields] of fails) {
    gateway.services.replace('mendRejectedEvent', () => {
      throw error;
    });
    expect((await data(mutation, { id: ID, payload })).mendRejectedEvent).toEqual({ __typename: type, ...fields });
  }
  gateway.services.replace('mendRejectedEvent', (asked: quarantine.MendRejectedEventRequest) => ({ event: { ...REFUSED, mendedPayload: asked.payload } }));
  expect((await data(mutation, { id: ID, payload })).mendRejectedEvent).toEqual({ __typename: 'RejectedEvent', mendedPayload: JSON.stringify(payload) });
  expect(gateway.services.audit.at(-1)).toMatchObject({ action: 'mendRejectedEvent', target: `RejectedEvent:${OWN}`, outcome: 'OK' });
  expect(JSON.stringify(gateway.services.audit)).not.toContain('ann@example.org');
});

test('a replay has a result for each event and sums only what it changed', async () => {
  const { STORED, STILL_REJECTED } = quarantine.ReplayOutcome;
  const result = { id: OWN, changed: false, messageId: '', reason: '', detail: '' };
  gateway.services.replace('replayRejectedEvents', () => ({
    results: [{ ...result, outcome: STORED, changed: true, messageId: 'm-1' }, { ...result, outcome: STORED, messageId: 'm-2' }, { ...result, outcome: STILL_REJECTED, reason: 'ID_MISSING', detail: 'Nobody.' }],
    endCursor: '',
  }));
  const mutation = `mutation($input: ReplayRejectedEventsInput!) { replayRejectedEvents(input: $input) {
    __typename ... on RejectedEventsReplayed { stored duplicate stillRejected endCursor results { id outcome changed messageId reason } } ... on SelectionInvalid { code } ... on MappingInvalid { column columns } } }`;
  const { replayRejectedEvents } = await data(mutation, { input: { selection: { reason: 'ID_MISSING' }, mapping: { form: 'segment' } } }, KEYS.editor);
  expect(replayRejectedEvents).toEqual({
    __typename: 'RejectedEventsReplayed', stored: 1, duplicate: 0, stillRejected: 1, endCursor: null,
    results: [
      { id: ID, outcome: 'STORED', changed: true, messageId: 'm-1', reason: null },
      { id: ID, outcome: 'STORED', changed: false, messageId: 'm-2', reason: null },
      { id: ID, outcome: 'STILL_REJECTED', changed: false, messageId: null, reason: 'ID_MISSING' },
    ],
  });
  expect(request('replayRejectedEvents')).toEqual({ selection: { ids: [], reason: 'ID_MISSING', source: '' }, first: 100, after: '', mapping: '{"form":"segment"}' });
  expect((await data(mutation, { input: { selection: { ids: ['zzz'] } } })).replayRejectedEvents).toEqual({ __typename: 'SelectionInvalid', code: 'SELECTION_INVALID' });
  gateway.services.replace('replayRejectedEvents', () => {
    throw RpcError.invalid('No column "who".', { reason: 'MAPPING_INVALID', metadata: { column: 'who', columns: '["a","b"]' } });
  });
  expect((await data(mutation, { input: { selection: { ids: [ID] } } })).replayRejectedEvents).toEqual({ __typename: 'MappingInvalid', column: 'who', columns: ['a', 'b'] });
});

test('who may only read neither mends, replays nor discards', async () => {
  for (const field of ['mendRejectedEvent(id: "x", payload: {})', 'replayRejectedEvents(input: { selection: {} })', 'discardRejectedEvents(input: { selection: {}, note: "n" })']) {
    const { body } = await gateway.ask(`mutation { ${field} { __typename } }`, {}, KEYS.viewer);
    expect(body.errors?.[0]?.extensions['code']).toBe('FORBIDDEN');
  }
});

test('a discard says how many are left', async () => {
  gateway.services.replace('discardRejectedEvents', () => ({ discarded: 2, remaining: 1 }));
  const { discardRejectedEvents } = await data('mutation { discardRejectedEvents(input: { selection: { source: "http" }, note: "a test" }) { ... on RejectedEventsDiscarded { discarded remaining } } }');
  expect(discardRejectedEvents).toEqual({ discarded: 2, remaining: 1 });
  expect(request('discardRejectedEvents')).toEqual({ selection: { ids: [], reason: '', source: 'http' }, first: 10_000, note: 'a test' });
  for (const first of [0, -1]) {
    const { discardRejectedEvents: refused } = await data(`mutation { discardRejectedEvents(input: { selection: { source: "http" }, note: "a test", first: ${first} }) { ... on Failure { code message } } }`);
    expect(refused).toEqual({ code: 'SELECTION_INVALID', message: `first: at least 1 is taken at once; ${first} were asked for.` });
  }
  expect(gateway.services.count('discardRejectedEvents')).toBe(1);
});
