import { connect } from 'node:net';

import { jest } from '@jest/globals';

import type { ingestion } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { KEYS } from '../gateway.fake.js';
import { type Answer, startTestGateway, type TestGateway } from '../gateway.start.js';
import { KnownOperations, type Program } from './known.operations.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => {
  gateway.services.reset();
  jest.restoreAllMocks();
});
afterAll(() => gateway.close());

/** Asks until the query is answered by its program; all answers, the last of them that program's. */
async function askUntilKnown(query: string, variables: Record<string, unknown> = {}, key: string = KEYS.viewer): Promise<Answer[]> {
  const found = jest.spyOn(KnownOperations.prototype, 'programOf');
  const answers: Answer[] = [];
  for (let times = 0; times < 5; times++) answers.push(await gateway.ask(query, variables, key));
  expect(found.mock.results.map(({ value }) => typeof value)).toEqual(['undefined', 'undefined', 'undefined', 'object', 'object']);
  return answers;
}

/** What of an answer does not depend on when it was given. */
const lasting = ({ status, headers, body }: Answer) => ({ status, body, headers: [...headers].filter(([name]) => name !== 'date') });

test.each([
  ['a look-up', 'query($userId: String!) { customer(userId: $userId) { id userId attributes memberships { segment { name size } strength since } } }', { userId: 'user-3' }],
  ['a list', '{ segments(first: 25) { nodes { __typename id name description size share stability traits { label } } pageInfo { hasNextPage } totalCount } }', {}],
  ['one with fragments, aliases and directives', 'query($more: Boolean!) { a: customers(first: 2) { ...c } b: customers(first: 1) { ...c } } fragment c on CustomerConnection { nodes { id ... on Node { id } lastSeenAt @include(if: $more) } }', { more: true }],
  ['what is not there', '{ customer(userId: "nobody") { id } node(id: "nothing") { id } }', {}],
  ['an argument without a meaning', '{ customer { id } }', {}],
])('%s is answered by its program as it was before, to the letter', async (_what, query, variables) => {
  const [first, ...others] = (await askUntilKnown(query, variables)).map(lasting);
  for (const other of others) expect(other).toEqual(first);
});

test('a failure of a service is told alike, and asked again it is asked anew', async () => {
  const query = '{ segments(first: 3) { nodes { name } } viewer { role } }';
  gateway.services.replace('listSegments', () => {
    throw new RpcError(status.UNAVAILABLE, 'serving at 10.0.0.1 is away', { reason: 'UNAVAILABLE' });
  });
  const [first, ...others] = (await askUntilKnown(query)).map(lasting);
  expect(first?.body.errors?.[0]).toMatchObject({ path: ['segments'], extensions: { code: 'UNAVAILABLE' } });
  for (const other of others) expect(other).toEqual(first);
  gateway.services.reset();
  expect((await gateway.ask(query, {}, KEYS.viewer)).body).toMatchObject({ data: { viewer: { role: 'VIEWER' } } });
  expect(gateway.services.count('listSegments')).toBe(1);
});

/** Asks over one connection, all in one piece: they come in together. Resolves to the bodies. */
async function askTogether(asked: readonly { query: string; variables: Record<string, unknown>; key: string }[]): Promise<unknown[]> {
  const { port } = new URL(gateway.url);
  const requests = asked.map(({ query, variables, key }, index) => {
    const body = JSON.stringify({ query, variables });
    return `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${index === asked.length - 1 ? 'connection: close\r\n' : ''}content-length: ${body.length}\r\n\r\n${body}`;
  });
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(requests.join(''));
  let told = '';
  for await (const part of socket.setEncoding('utf8')) told += part;
  return told.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as unknown);
}

test('what is the same and comes in together is executed once, for each caller and each value of a variable', async () => {
  const query = 'query($first: Int!) { segments(first: $first) { nodes { name } } }';
  await askUntilKnown(query, { first: 3 });
  // Each caller, and each value that may cost more, is let in once.
  await gateway.ask(query, { first: 2 }, KEYS.viewer);
  await gateway.ask(query, { first: 3 }, KEYS.editor);
  const execute = jest.spyOn(jest.mocked(KnownOperations.prototype).programOf.mock.results.findLast(({ value }) => value)!.value as Program, 'execute');
  const three = { query, variables: { first: 3 }, key: KEYS.viewer };
  const bodies = await askTogether([three, { ...three, variables: { first: 2 } }, three, { ...three, key: KEYS.editor }, three]);
  expect(bodies.map((body) => (body as { data: { segments: { nodes: unknown[] } } }).data.segments.nodes.length)).toEqual([3, 2, 3, 3, 3]);
  expect(execute).toHaveBeenCalledTimes(3);
});

test('events that are the same are each sent', async () => {
  const query = 'mutation($events: [EventInput!]!) { trackEvents(input: { events: $events }) { stored } }';
  const events = [{ event: 'A', userId: 'u' }];
  await askUntilKnown(query, { events }, KEYS.intake);
  gateway.services.reset();
  await Promise.all(Array.from({ length: 10 }, () => gateway.ask(query, { events }, KEYS.intake)));
  expect(gateway.services.count('trackEventBatch')).toBe(10);
});

test('a program is for whom it was made: another role, other sizes and wrong variables are looked at anew', async () => {
  const query = 'query($first: Int!) { customers(first: $first) { nodes { similar(first: 100) { customer { events(first: 100) { totalCount } } } } } }';
  await askUntilKnown(query, { first: 1 });
  gateway.services.reset();
  expect((await gateway.ask(query, { first: 1 }, KEYS.intake)).status).toBe(403);
  expect((await gateway.ask(query, { first: 100 }, KEYS.viewer)).body.errors?.[0]?.extensions['code']).toBe('QUERY_TOO_COSTLY');
  expect((await gateway.ask(query, { first: 'many' }, KEYS.viewer)).body.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  expect((await gateway.ask(query, { first: 1 }, 'kv_unknown')).status).toBe(401);
  expect(gateway.services.calls).toEqual([]);
});

test('a wrong text in place of one that was right is refused in the same words as before', async () => {
  const query = 'query($id: ID!, $since: Int) { segment(id: $id) { traits(first: $since) { label } } }';
  const wrong = async (text: string) => lasting(await gateway.ask(text, { id: 'x', since: 'text' }, KEYS.viewer));
  await askUntilKnown(query, { id: 'x' });
  // The same but for a space is not known.
  expect(await wrong(query)).toEqual(await wrong(query.replace('segment(', 'segment (')));
});

test('events have a program too: what is left out of them has its usual value, and what is wrong is refused in the same words', async () => {
  const query = 'mutation($events: [EventInput!]!) { trackEvents(input: { events: $events }) { stored results { messageId outcome } } }';
  const events = [{ event: 'A', userId: 'u', messageId: 'm-1', properties: { price: 5, note: null } }, { type: 'IDENTIFY', userId: 'u', traits: { plan: 'gold' } }];
  const wrong = async (text: string) => lasting(await gateway.ask(text, { events: [{ type: 'SING', userId: 'u' }] }, KEYS.intake));
  const [first, ...others] = (await askUntilKnown(query, { events }, KEYS.intake)).map(lasting);
  for (const other of others) expect(other).toEqual(first);
  expect(first?.body).toMatchObject({ data: { trackEvents: { stored: 2 } } });
  const sent = gateway.services.calls.map(({ request }) => JSON.parse(Buffer.from((request as ingestion.TrackEventBatchRequest).events).toString()) as unknown);
  const segment = [{ ...events[0], type: 'track' }, { ...events[1], type: 'identify' }];
  expect(sent).toEqual(Array.from({ length: 5 }, () => segment));
  // The same but for a space is not known.
  expect(await wrong(query)).toEqual(await wrong(`${query} `));
});

test('deeds have no program: each is entered in the trail', async () => {
  const found = jest.spyOn(KnownOperations.prototype, 'programOf');
  for (let times = 0; times < 5; times++) await gateway.ask('mutation { startTrainingRun { __typename } }');
  expect(found.mock.results.map(({ value }) => typeof value)).toEqual(Array.from({ length: 5 }, () => 'undefined'));
  expect(gateway.services.audit).toHaveLength(5);
});
