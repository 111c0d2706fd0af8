import { KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const authorization = `Bearer ${KEYS.admin}`;
const nested = (depth: number) => `{ customers { nodes { ${'similar { customer { '.repeat(depth)} id ${'} } '.repeat(depth)} } } }`;
const fragments = (count: number) => `{ viewer { ...f0 } } ${Array.from({ length: count }, (_, index) => `fragment f${index} on Viewer { role ...f${(index + 1) % count} }`).join(' ')}`;

test.each([
  ['too deep', nested(9), {}, 'QUERY_TOO_DEEP'],
  ['too many aliases', `{ ${Array.from({ length: 100 }, (_, index) => `a${index}: __typename`).join(' ')} }`, {}, 'TOO_MANY_ALIASES'],
  ['too many tokens', `{ ${'viewer { role } '.repeat(2000)} }`, {}, 'GRAPHQL_PARSE_FAILED'],
  ['a list that is too long', '{ customers(first: 100000) { totalCount } }', {}, 'LIST_TOO_LONG'],
  ['one by a variable', 'query($n: Int) { customerMap(sample: $n) { population } }', { n: 2_000_000_000 }, 'LIST_TOO_LONG'],
  ['a negative list', '{ customers(first: -1) { totalCount } }', {}, 'LIST_TOO_LONG'],
  ['lists in lists', '{ customers(first: 100) { nodes { similar(first: 100) { customer { events(first: 100) { nodes { id } } } } } } }', {}, 'QUERY_TOO_COSTLY'],
  ['aliased calls', `{ ${Array.from({ length: 29 }, (_, index) => `a${index}: segments(first: 100) { nodes { members(first: 100) { nodes { userId } } } }`).join(' ')} }`, {}, 'QUERY_TOO_COSTLY'],
  ['too many directives', `{ viewer { role ${'@include(if: true) '.repeat(200)} } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
  ['fragments in a circle', fragments(5), {}, 'GRAPHQL_VALIDATION_FAILED'],
  ['an unknown field', '{ viewer { roel } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
  ['introspection in circles', `{ __schema { types { ${'fields { type { '.repeat(9)} name ${'} } '.repeat(9)} } } }`, {}, 'GRAPHQL_VALIDATION_FAILED'],
  ['a wrong variable', 'query($n: Int) { customers(first: $n) { totalCount } }', { n: 'many' }, 'BAD_USER_INPUT'],
  ['no operation', '', {}, 'BAD_REQUEST'],
])('%s is refused with 4xx and a code, and nobody behind is asked', async (_what, query, variables, code) => {
  const { status, body } = await gateway.ask(query, variables);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(body.errors?.map(({ extensions }) => extensions['code'])).toContain(code);
  expect(body.data ?? null).toBeNull();
  expect(gateway.services.calls).toEqual([]);
});

test.each([
  ['unreadable JSON', '{"query": ', { authorization }, 400, 'BAD_REQUEST'],
  ['a body that is too large', JSON.stringify({ query: 'x'.repeat(4 * 1024 ** 2) }), { authorization }, 413, 'BODY_TOO_LARGE'],
  ['several operations in one request', JSON.stringify([{ query: '{ viewer { role } }' }, { query: '{ viewer { role } }' }]), { authorization }, 400, 'BAD_REQUEST'],
  ['a form as another site could send', 'query=mutation', { authorization, 'content-type': 'text/plain' }, 400, 'BAD_REQUEST'],
  ['an unknown type of content', '<x/>', { authorization, 'content-type': 'application/xml' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ['no key', JSON.stringify({ query: '{ __schema { types { name } } }' }), {}, 401, 'UNAUTHENTICATED'],
  ['an unknown key', JSON.stringify({ query: '{ __schema { types { name } } }' }), { authorization: 'Bearer ka_guess' }, 401, 'UNAUTHENTICATED'],
  ['a header of nonsense', JSON.stringify({ query: '{ viewer { role } }' }), { authorization: `Bearer ${'x'.repeat(5_000)}` }, 401, 'UNAUTHENTICATED'],
])('%s is refused', async (_what, body, headers, status, code) => {
  const answer = await gateway.post(body, headers as Record<string, string>);
  expect([answer.status, answer.body.errors?.[0]?.extensions['code']]).toEqual([status, code]);
  expect(gateway.services.calls).toEqual([]);
});

test('a stranger learns nothing of the schema, not even by misspelling', async () => {
  const { body } = await gateway.ask('{ viewer { roel } }', {}, null);
  expect(JSON.stringify(body)).not.toMatch(/Did you mean|Viewer/);
  const developer = await gateway.ask('{ viewer { roel } }', {}, KEYS.viewer);
  expect(developer.body.errors?.[0]?.message).toMatch(/Did you mean "role"/);
});

test('a write key may write events, and nothing else: not read, not look at the schema, not be helped to a name', async () => {
  for (const query of ['{ viewer { role } }', '{ __schema { queryType { name } } }', '{ __type(name: "Viewer") { name } }', 'mutation { rollbackModel { __typename } }']) {
    const { status, body } = await gateway.ask(query, {}, KEYS.intake);
    expect([status, body.errors?.[0]?.extensions['code']]).toEqual([403, 'FORBIDDEN']);
  }
  const { body } = await gateway.ask('{ viewer { roel } }', {}, KEYS.intake);
  expect(body.errors?.[0]?.message).not.toMatch(/Did you mean/);
  const tracked = await gateway.ask('mutation { trackEvents(input: { events: [{ event: "A", userId: "u" }] }) { stored } }', {}, KEYS.intake);
  expect(tracked.body.data).toEqual({ trackEvents: { stored: 1 } });
});

test.each([
  [KEYS.viewer, 'mutation { startTrainingRun { __typename } }', 403],
  [KEYS.editor, 'mutation { startTrainingRun { __typename } }', 200],
  [KEYS.editor, 'mutation { rollbackModel { __typename } }', 403],
  [KEYS.editor, '{ apiKeys { totalCount } }', 403],
  [KEYS.editor, '{ auditEntries { totalCount } }', 403],
  [KEYS.viewer, 'mutation { trackEvents(input: { events: [] }) { stored } }', 403],
  [KEYS.admin, '{ auditEntries { nodes { action details } } }', 200],
])('%s asking %s is answered with %s', async (key, query, status) => {
  expect((await gateway.ask(query, {}, key)).status).toBe(status);
});

test('an operation that came with a wrong input first is weighed when it comes with a right one', async () => {
  const lists = 'segments { nodes { members(first: $rows) { nodes { similar(first: $rows) { customer { events(first: $rows) { nodes { id } } } } } } } }';
  const query = `mutation($input: CreateApiKeyInput!, $rows: Int!) { createApiKey(input: $input) { __typename } rollbackModel { ... on Model { ${lists} } } }`;
  const ask = async (input: object) => (await gateway.ask(query, { input, rows: 100 }, KEYS.admin)).body.errors?.[0]?.extensions['code'];
  expect([await ask({}), await ask({ name: 'x', role: 'VIEWER' })]).toEqual(['BAD_USER_INPUT', 'QUERY_TOO_COSTLY']);
  expect(gateway.services.calls).toEqual([]);
});

test('of several operations in a document only the one that is asked for counts', async () => {
  const query = 'query Read { viewer { role } } mutation Start { startTrainingRun { __typename } }';
  const ask = (operationName?: string) => gateway.post(JSON.stringify({ query, operationName }), { authorization: `Bearer ${KEYS.viewer}` });
  expect((await ask('Read')).body.data).toEqual({ viewer: { role: 'VIEWER' } });
  expect((await ask('Start')).status).toBe(403);
  expect((await ask()).status).toBeGreaterThanOrEqual(400);
});

test('other methods than POST are refused, with or without a key', async () => {
  for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await fetch(`${gateway.url}/graphql?query={viewer{role}}`, { method, headers: { authorization } });
    expect([404, 405]).toContain(response.status);
  }
});

test('the key may come as x-api-key too', async () => {
  const { body } = await gateway.post(JSON.stringify({ query: '{ viewer { role } }' }), { 'x-api-key': KEYS.editor });
  expect(body.data).toEqual({ viewer: { role: 'EDITOR' } });
});
