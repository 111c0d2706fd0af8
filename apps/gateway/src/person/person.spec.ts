import { Readable } from 'node:stream';

import { person } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { DownloadLinks } from '../download/download.link.js';
import { AT, id, KEYS, WORKSPACE } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { GATEWAY_PARTS } from '../parts.module.js';
import type { GatewayParts } from '../graphql/context.js';
import { globalId } from '../graphql/global-id.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const REQUEST = id('run', 5);
const requestOf = (more: Partial<person.PersonRequest> = {}): person.PersonRequest => ({
  id: REQUEST, kind: person.PersonRequestKind.EXPORT, state: person.PersonRequestState.SUCCEEDED, requestedBy: 'key:admin', createdAt: AT, startedAt: AT, finishedAt: AT, error: '',
  artifact: '', receipt: 'a.b.c', tables: [{ table: 'ingestion.events', rows: 5 }], modelIds: [id('model', 1)], runIds: [id('run', 1)], ...more,
});
const ERASE = 'mutation($person: PersonInput!) { erasePerson(person: $person) { __typename ... on PersonRequest { id kind state } ... on Failure { code } } }';

test('an erasure is asked for by an admin, and the audit trail does not keep whom it was of', async () => {
  gateway.services.replace('startPersonRequest', (request: person.StartPersonRequestRequest) => ({ request: requestOf({ kind: request.kind, state: person.PersonRequestState.QUEUED }) }));
  const { body } = await gateway.ask(ERASE, { person: { userId: 'somebody' } });
  expect(body.data.erasePerson).toEqual({ __typename: 'PersonRequest', id: globalId('PersonRequest', REQUEST), kind: 'ERASE', state: 'QUEUED' });
  expect(gateway.services.calls.find(({ method }) => method === 'startPersonRequest')?.request).toEqual({ kind: person.PersonRequestKind.ERASE, person: { $case: 'userId', value: 'somebody' } });
  expect(gateway.services.audit).toMatchObject([{ action: 'erasePerson', target: `PersonRequest:${REQUEST}`, details: '{"person":{}}', outcome: 'OK' }]);
  expect((await gateway.ask(ERASE, { person: { userId: 'somebody' } }, KEYS.editor)).status).toBe(403);
});

test('nobody, two people at once and a foreign id are refused', async () => {
  gateway.services.replace('startPersonRequest', () => {
    throw RpcError.notFound('No customer has this id.', { reason: 'CUSTOMER_UNKNOWN' });
  });
  for (const whom of [{ userId: 'nobody' }, { id: globalId('Model', REQUEST) }]) {
    expect((await gateway.ask(ERASE, { person: whom })).body.data.erasePerson).toEqual({ __typename: 'NotFound', code: 'CUSTOMER_UNKNOWN' });
  }
  expect((await gateway.ask(ERASE, { person: {} })).body.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  expect((await gateway.ask(ERASE, { person: { userId: 'a', anonymousId: 'b' } })).body.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
});

test('an export is fetched by a link, and a receipt tells rows and models', async () => {
  const { artifacts } = gateway.service.app.get<GatewayParts>(GATEWAY_PARTS);
  const { path } = await artifacts.write({ workspaceId: WORKSPACE, area: 'exports', id: REQUEST, name: 'person-1.ndjson' }, Readable.from(['{"record":"identity"}\n']));
  gateway.services.replace('getPersonRequest', () => ({ request: requestOf({ artifact: path }) }));
  const { body } = await gateway.ask('query($id: ID!) { personRequest(id: $id) { download { url expiresAt } receipt { jws tables { table rows } models { version } runs { state } } } node(id: $id) { __typename } }', {
    id: globalId('PersonRequest', REQUEST),
  });
  const { download, receipt } = body.data.personRequest;
  expect(receipt).toEqual({ jws: 'a.b.c', tables: [{ table: 'ingestion.events', rows: 5 }], models: [{ version: 1 }], runs: [{ state: 'TRAINING' }] });
  expect(body.data.node).toEqual({ __typename: 'PersonRequest' });
  const file = await fetch(gateway.url + download.url);
  expect([file.status, file.headers.get('content-disposition'), await file.text()]).toEqual([200, 'attachment; filename="person.ndjson"', '{"record":"identity"}\n']);
  await artifacts.remove(artifacts.uri(path));
  expect((await fetch(gateway.url + download.url)).status).toBe(410);
});

test('a forged link reads nothing', async () => {
  const forged = await new DownloadLinks('another secret, long enough to sign with').make(`${WORKSPACE}/exports/x/y`);
  expect((await fetch(gateway.url + forged.url)).status).toBe(403);
});

test('requests are listed, without a download or a receipt where there is none', async () => {
  gateway.services.replace('listPersonRequests', () => ({ requests: [requestOf({ receipt: '', state: person.PersonRequestState.FAILED, error: 'no' })], pageInfo: { endCursor: 'x', hasNextPage: false, totalCount: 1 } }));
  const { body } = await gateway.ask('{ personRequests { totalCount nodes { state error download { url } receipt { jws } } } }');
  expect(body.data.personRequests).toEqual({ totalCount: 1, nodes: [{ state: 'FAILED', error: 'no', download: null, receipt: null }] });
  expect((await gateway.ask('{ personRequests { totalCount } }', {}, KEYS.viewer)).status).toBe(403);
});
