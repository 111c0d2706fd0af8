import { once } from 'node:events';

import { jest } from '@jest/globals';
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';

import { PrincipalSigner } from '#libs/auth';
import { type ingestion, type serving, training } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { LIMITS } from '../admission/limit.js';
import { AT, customer, id, KEYS, run, segmentOf } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';
import { BOUNDS } from './subscription.bounds.js';

let gateway: TestGateway;
const clients: Client[] = [];
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
  while (watching().length > 0) await once(gateway.services.news, 'left');
  gateway.services.reset();
});
afterAll(() => gateway.close());

const RUN = globalId('TrainingRun', id('run', 1));
const EVENT = '01900000-0000-7000-8000-e00000000007';
const WATCH_RUN = 'subscription($id: ID!) { trainingRunUpdated(id: $id) { state progress model { version } } }';
const WATCH_CHANGES = 'subscription($after: String) { membershipChanged(after: $after) { cursor isByPromotion customer { userId } to { name } from { name } } }';

/** Streams of the services that are followed now, but for the keys'. */
const watching = () => [...gateway.services.following].filter((stream) => !stream.startsWith('watchKeys'));

function client(key: string = KEYS.viewer): Client {
  const made = createClient({ url: `${gateway.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${key}` }, retryAttempts: 0 });
  clients.push(made);
  return made;
}

const change = (number: number): serving.MembershipChange => ({
  cursor: `c${number}`, customerId: id('customer', number), fromSegmentId: '', toSegmentId: id('segment', 1), strength: 0.5, at: AT, decidedAt: AT, modelId: '', byPromotion: false,
});

test('a run is told now and with every change, until it ends', async () => {
  const updates = client().iterate({ query: WATCH_RUN, variables: { id: RUN } });
  expect((await updates.next()).value).toEqual({ data: { trainingRunUpdated: { state: 'TRAINING', progress: 0.25, model: null } } });
  gateway.services.news.emit('watchRun', { run: run(id('run', 1), { state: training.RunState.SUCCEEDED, progress: 1, modelId: id('model', 1) }) });
  expect((await updates.next()).value).toEqual({ data: { trainingRunUpdated: { state: 'SUCCEEDED', progress: 1, model: { version: 1 } } } });
  await updates.return?.();
});

test('an unusual event is told with whose it is and how rare that is, from a cursor on', async () => {
  const query = 'subscription($after: String) { eventUnusual(after: $after) { cursor eventId type name occurredAt customer { userId } novelty inWords model { version } } }';
  const updates = client().iterate({ query, variables: { after: 'c1' } });
  const first = updates.next();
  await once(gateway.services.news, 'following');
  gateway.services.news.emit('watchUnusualEvents', {
    event: { cursor: 'c2', customerId: id('customer', 3), eventId: EVENT, type: 'track', name: 'Order Completed', occurredAt: AT, novelty: 0.6, threshold: 0.4, modelId: id('model', 1) },
  });
  expect((await first).value).toEqual({
    data: { eventUnusual: {
      cursor: 'c2', eventId: globalId('Event', EVENT), type: 'TRACK', name: 'Order Completed', occurredAt: AT, customer: { userId: 'user-3' },
      novelty: 0.6, inWords: 'as rare as one in 1,000 events; unusual from one in 100 on', model: { version: 1 },
    } },
  });
  expect(gateway.services.calls.find(({ method }) => method === 'watchUnusualEvents')?.request).toMatchObject({ after: 'c1' });
  await updates.return?.();
});

test('the stream behind a subscription ends when the client completes it', async () => {
  const updates = client().iterate({ query: WATCH_CHANGES });
  const first = updates.next();
  await once(gateway.services.news, 'following');
  gateway.services.news.emit('watchMembershipChanges', { change: change(1) });
  await first;
  expect(watching()).toHaveLength(1);
  const left = once(gateway.services.news, 'left');
  await updates.return?.();
  expect(await left).toEqual(['watchMembershipChanges']);
});

test('the stream behind a subscription ends when the client vanishes while nothing happens', async () => {
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers: { authorization: `Bearer ${KEYS.viewer}` } });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await once(socket, 'message');
  const following = once(gateway.services.news, 'following');
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: WATCH_CHANGES } }));
  await following;
  const left = once(gateway.services.news, 'left');
  socket.terminate();
  expect(await left).toEqual(['watchMembershipChanges']);
});

test('every change is answered from fresh data', async () => {
  const updates = client().iterate({ query: WATCH_CHANGES });
  const following = once(gateway.services.news, 'following');
  const first = updates.next();
  await following;
  gateway.services.news.emit('watchMembershipChanges', { change: change(1) });
  expect((await first).value).toMatchObject({ data: { membershipChanged: { cursor: 'c1', customer: { userId: 'user-1' }, to: { name: 'Segment 1' }, from: null } } });
  gateway.services.replace('getSegments', (request: serving.GetSegmentsRequest) => ({
    segments: request.ids.map((segmentId) => ({ ...segmentOf(segmentId), name: 'Renamed' })),
  }) as never);
  gateway.services.news.emit('watchMembershipChanges', { change: change(1) });
  expect((await updates.next()).value).toMatchObject({ data: { membershipChanged: { to: { name: 'Renamed' } } } });
  await updates.return?.();
});

test('a change of one who was merged into another since is told of as theirs, by the ids that were their own', async () => {
  gateway.services.replace('getCustomers', ({ ids, unmerged }: ingestion.GetCustomersRequest) => ({
    customers: ids.map((requestedId) => ({
      requestedId, customer: requestedId === id('customer', 2) && !unmerged ? customer(1) : { ...customer(2), id: requestedId, userId: '', anonymousIds: ['device-2'] },
    })),
  }));
  const updates = client().iterate({ query: 'subscription { membershipChanged { customer { id userId anonymousIds } } }' });
  const following = once(gateway.services.news, 'following');
  const first = updates.next();
  await following;
  gateway.services.news.emit('watchMembershipChanges', { change: change(2) });
  expect((await first).value).toEqual({ data: { membershipChanged: { customer: { id: globalId('Customer', id('customer', 2)), userId: null, anonymousIds: ['device-2'] } } } });
  await updates.return?.();
});

test('changes that have arrived are answered together: in few calls, in their order, none older than its change', async () => {
  const told = 300;
  const asked: string[] = [];
  gateway.services.replace('watchMembershipChanges', async function* watch(_request: unknown, _principal: unknown, signal: AbortSignal) {
    for (let number = 1; number <= told; number++) {
      asked.push(`told ${number}`);
      yield { change: { ...change(number), customerId: id('customer', (number % 30) + 1) } };
    }
    await once(signal, 'abort');
  } as never);
  const cursors: string[] = [];
  for await (const { data, errors } of client().iterate<{ membershipChanged: { cursor: string; customer: unknown } }>({ query: WATCH_CHANGES })) {
    expect(errors).toBeUndefined();
    expect(data?.membershipChanged.customer).not.toBeNull();
    if (cursors.push(data?.membershipChanged.cursor ?? '') === told) break;
  }
  expect(cursors).toEqual(Array.from({ length: told }, (_, index) => `c${index + 1}`));
  for (const method of ['getCustomers', 'getSegments']) {
    expect(gateway.services.count(method)).toBeGreaterThanOrEqual(told / BOUNDS.answeredAtOnce);
    expect(gateway.services.count(method)).toBeLessThan(told / 10);
  }
});

test('changes are answered together as far as one operation may cost', async () => {
  const running = { now: 0, most: 0 };
  gateway.services.replace('watchMembershipChanges', async function* watch(_request: unknown, _principal: unknown, signal: AbortSignal) {
    for (let number = 1; number <= 30; number++) yield { change: change(number) };
    await once(signal, 'abort');
  } as never);
  gateway.services.replace('explainMembership', (async () => {
    running.most = Math.max(running.most, (running.now += 1));
    await new Promise((resolve) => setImmediate(resolve));
    running.now -= 1;
    throw RpcError.notFound('Not there.', { reason: 'NO_MEMBERSHIP' });
  }) as never);
  const query = 'subscription { membershipChanged { customer { memberships { why { evidence { strength } } } } } }';
  let answered = 0;
  for await (const { data } of client().iterate({ query })) {
    expect(data).toBeTruthy();
    if ((answered += 1) === 30) break;
  }
  expect(running.most).toBeGreaterThan(0);
  expect(running.most).toBeLessThanOrEqual(LIMITS.cost / 1_900);
});

test('a subscription that outlives its signature is signed for again', async () => {
  const clock = { signature: 1 };
  const sign = jest.spyOn(PrincipalSigner.prototype, 'sign').mockImplementation(async (principal) => JSON.stringify({ ...principal, signature: clock.signature }));
  const verify = jest.spyOn(PrincipalSigner.prototype, 'verify').mockImplementation(async (token) => {
    const { signature, ...principal } = JSON.parse(token);
    if (signature !== clock.signature) throw new Error('This signature is over.');
    return principal;
  });
  try {
    const updates = client().iterate({ query: WATCH_CHANGES });
    const following = once(gateway.services.news, 'following');
    const first = updates.next();
    await following;
    gateway.services.news.emit('watchMembershipChanges', { change: change(1) });
    expect((await first).value).toMatchObject({ data: { membershipChanged: { customer: { userId: 'user-1' } } } });
    clock.signature = 2;
    gateway.services.news.emit('watchMembershipChanges', { change: change(2) });
    expect((await updates.next()).value).toEqual({ data: expect.objectContaining({ membershipChanged: expect.objectContaining({ customer: { userId: 'user-2' } }) }) });
    await updates.return?.();
  } finally {
    sign.mockRestore();
    verify.mockRestore();
  }
});

test('a service that was away for a moment is followed again from the last change on', async () => {
  const asked: string[] = [];
  gateway.services.replace('watchMembershipChanges', async function* watch({ after }: serving.WatchMembershipChangesRequest) {
    asked.push(after);
    yield { change: change(asked.length) };
    const packed = new RpcError(status.UNAVAILABLE, 'gone', { reason: 'UNAVAILABLE' });
    const { ServerError } = await import('nice-grpc');
    throw new ServerError(packed.status as number, packed.message);
  } as never);
  const updates = client().iterate({ query: WATCH_CHANGES, variables: { after: 'c0' } });
  await updates.next();
  await updates.next();
  expect(asked.slice(0, 2)).toEqual(['c0', 'c1']);
  await updates.return?.();
});

test('a service that was away before anything came is followed again from where it had begun', async () => {
  const asked: string[] = [];
  gateway.services.replace('watchMembershipChanges', async function* watch({ after }: serving.WatchMembershipChangesRequest) {
    asked.push(after);
    yield { beginsAfter: 'c7' };
    if (asked.length > 1) yield { change: change(8) };
    const { ServerError } = await import('nice-grpc');
    throw new ServerError(status.UNAVAILABLE as number, 'gone');
  } as never);
  const updates = client().iterate({ query: WATCH_CHANGES });
  expect((await updates.next()).value).toMatchObject({ data: { membershipChanged: { cursor: 'c8' } } });
  expect(asked.slice(0, 2)).toEqual(['', 'c7']);
  await updates.return?.();
});

test('where the feeds are now is told without following them, and only of those asked for', async () => {
  for (const method of ['watchMembershipChanges', 'watchUnusualCustomers', 'watchUnusualEvents']) {
    gateway.services.replace(method, async function* watch(request: { after: string }, _principal: unknown, signal: AbortSignal) {
      yield { beginsAfter: `${method}${request.after}` };
      await once(signal, 'abort');
    } as never);
  }
  const { body } = await gateway.ask('{ feedCursors { membershipChanged customerUnusual eventUnusual } }', {}, KEYS.viewer);
  expect(body).toEqual({ data: { feedCursors: { membershipChanged: 'watchMembershipChanges', customerUnusual: 'watchUnusualCustomers', eventUnusual: 'watchUnusualEvents' } } });
  expect((await gateway.ask('{ feedCursors { membershipChanged } }', {}, KEYS.viewer)).body.data.feedCursors).toEqual({ membershipChanged: 'watchMembershipChanges' });
  expect([gateway.services.count('watchMembershipChanges'), gateway.services.count('watchUnusualCustomers')]).toEqual([2, 1]);
});

test('a cursor that a service refuses ends the subscription with why', async () => {
  gateway.services.replace('watchMembershipChanges', async function* watch() {
    yield* [];
    throw RpcError.invalid('after: this cursor is of eventUnusual.', { reason: 'CURSOR_INVALID' });
  } as never);
  const updates = client().iterate({ query: WATCH_CHANGES, variables: { after: 'c0' } });
  await expect(updates.next()).rejects.toMatchObject([{ message: 'after: this cursor is of eventUnusual.', extensions: { code: 'CURSOR_INVALID' } }]);
  expect(gateway.services.count('watchMembershipChanges')).toBe(1);
});

test('a source that fails as nobody expected tells nothing of our insides', async () => {
  gateway.services.replace('watchMembershipChanges', async function* watch() {
    yield { change: change(1) };
    const { ServerError } = await import('nice-grpc');
    throw new ServerError(status.INTERNAL as number, 'password=hunter2 at 10.0.0.7');
  } as never);
  const updates = client().iterate({ query: WATCH_CHANGES });
  expect((await updates.next()).value).toMatchObject({ data: { membershipChanged: { cursor: 'c1' } } });
  await expect(updates.next()).rejects.toMatchObject([{ message: 'An unexpected failure; the log has it.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
});

test('an unknown key is not let in, and a missing one neither', async () => {
  for (const headers of [{}, { authorization: 'Bearer ka_guess' }]) {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init' }));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4403);
  }
});

test('other paths and protocols are turned away', async () => {
  for (const [path, protocol] of [['/elsewhere', 'graphql-transport-ws'], ['/graphql', 'graphql-ws']] as const) {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}${path}`, protocol);
    socket.on('error', () => undefined);
    let isOpened = false;
    socket.on('open', () => (isOpened = true));
    await new Promise((resolve) => socket.on('close', resolve));
    expect(isOpened).toBe(false);
  }
});

test.each([
  ['a query', '{ viewer { role } }', KEYS.viewer, 'SUBSCRIPTIONS_ONLY'],
  ['a write key', WATCH_CHANGES, KEYS.intake, 'FORBIDDEN'],
  ['something deep', `subscription { membershipChanged { customer { ${'similar { customer { '.repeat(9)} id ${'} } '.repeat(9)} } } }`, KEYS.viewer, 'QUERY_TOO_DEEP'],
  ['something costly', 'subscription { membershipChanged { customer { similar(first: 100) { customer { similar(first: 100) { customer { events(first: 100) { totalCount } } } } } } } }', KEYS.viewer, 'QUERY_TOO_COSTLY'],
  ['something unreadable', 'subscription {', KEYS.viewer, 'GRAPHQL_PARSE_FAILED'],
  ['changes of no segment', 'subscription { membershipChanged(segmentId: "zzz") { cursor } }', KEYS.viewer, 'SEGMENT_UNKNOWN'],
  ['changes of a segment that there is not', `subscription { membershipChanged(segmentId: "${globalId('Segment', id('customer', 1))}") { cursor } }`, KEYS.viewer, 'SEGMENT_UNKNOWN'],
  ['changes of a customer who is not there', `subscription { membershipChanged(customerId: "${globalId('Customer', id('segment', 1))}") { cursor } }`, KEYS.viewer, 'CUSTOMER_UNKNOWN'],
  ['alerts of nobody', `subscription { customerUnusual(customerId: "${globalId('Customer', id('segment', 1))}") { cursor } }`, KEYS.viewer, 'CUSTOMER_UNKNOWN'],
  ['a run of nobody', 'subscription { trainingRunUpdated(id: "zzz") { state } }', KEYS.viewer, 'RUN_UNKNOWN'],
])('%s over a socket is refused with a code', async (_what, query, key, code) => {
  const updates = client(key).iterate({ query });
  const failure: unknown = await updates.next().then(({ value }) => value.errors, (error: unknown) => error);
  expect((failure as { extensions: { code: string } }[]).map(({ extensions }) => extensions.code)).toContain(code);
  expect(watching()).toEqual([]);
});

test('a connection holds a bounded number of subscriptions', async () => {
  const one = client();
  const all = Array.from({ length: BOUNDS.perConnection }, () => one.iterate({ query: WATCH_RUN, variables: { id: RUN } }));
  await Promise.all(all.map((updates) => updates.next()));
  const tooMany = one.iterate({ query: WATCH_RUN, variables: { id: RUN } });
  await expect(tooMany.next()).rejects.toMatchObject([{ extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } }]);
  await all[0]?.return?.();
  await once(gateway.services.news, 'left');
  const again = one.iterate({ query: WATCH_RUN, variables: { id: RUN } });
  expect((await again.next()).value).toMatchObject({ data: { trainingRunUpdated: { state: 'TRAINING' } } });
});

test('the subscriptions of a revoked key end within seconds', async () => {
  const updates = client(KEYS.doomed).iterate({ query: WATCH_RUN, variables: { id: RUN } });
  await updates.next();
  const left = once(gateway.services.news, 'left');
  gateway.services.news.emit('watchKeys', { snapshot: false, keys: [], revokedKeyIds: ['doomed'] });
  expect(await left).toEqual(['watchRun']);
  expect((await gateway.ask('{ viewer { role } }', {}, KEYS.doomed)).status).toBe(401);
});
