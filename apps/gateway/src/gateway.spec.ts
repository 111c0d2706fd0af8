import { auditServer } from 'graphql-http';
import { getIntrospectionQuery } from 'graphql';

import { type ingestion, serving } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { AT, briefly, id, KEYS, placeOf, segmentOf, WORKSPACE } from './gateway.fake.js';
import { startTestGateway, type TestGateway } from './gateway.start.js';
import { globalId, readGlobalId } from './graphql/global-id.js';

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

test('a customer is found by user id, with memberships, forecast and why', async () => {
  const { customer } = await data(`{ customer(userId: "user-3") {
    id userId isScored novelty attributes firstSeenAt eventCount mapPosition { x y }
    memberships { strength since decidedAt segment { name size share stability asOf } model { version state } why { traits { label lift } typicalCustomers(first: 1) { userId } } }
    forecast(first: 1) { event probability expectedAt latestAt asOf model { version } }
    events { nodes { type name properties } totalCount }
  } }`);
  expect(customer).toEqual({
    id: globalId('Customer', id('customer', 3)), userId: 'user-3', isScored: true, novelty: 0.1, attributes: { plan: 'gold' }, firstSeenAt: AT, eventCount: 12, mapPosition: { x: 1, y: 2 },
    memberships: [{
      strength: 0.9, since: AT, decidedAt: AT, segment: { name: 'Segment 4', size: 10, share: 0.25, stability: null, asOf: AT }, model: { version: 1, state: 'CHAMPION' },
      why: { traits: [{ label: 'orders often', lift: 2 }], typicalCustomers: [{ userId: 'user-1' }] },
    }],
    forecast: [{ event: 'B', probability: 0.6, expectedAt: AT, latestAt: null, asOf: AT, model: { version: 1 } }],
    events: { nodes: [{ type: 'TRACK', name: 'Order Completed', properties: { revenue: 9.5 } }], totalCount: 1 },
  });
  expect(await data('query($id: ID!) { node(id: $id) { __typename id ... on Customer { userId } } }', { id: customer.id })).toEqual({
    node: { __typename: 'Customer', id: customer.id, userId: 'user-3' },
  });
});

test('a membership is explained by what the model would say otherwise, with what is exact marked as such', async () => {
  const evidence = `evidence { strength events(first: 1) { event effect towards strengthWithout isExact } earlier { event eventCount } check { strengthWithoutNamed strengthWithoutOthers }
    traits { trait { label segmentValue } value fits isExact } typicalCustomers { similarity customer { userId } } changes { kind event times days segment { name } strength isExact } }`;
  const asked = (user: number) => data(`{ customer(userId: "user-${user}") { memberships { why { ${evidence} } } } }`);
  expect((await asked(3)).customer.memberships[0].why.evidence).toEqual({
    strength: 0.9,
    events: [{ event: 'Order Completed', effect: 1.5, towards: 0.2, strengthWithout: 0.4, isExact: true }],
    earlier: { event: null, eventCount: 30 },
    check: { strengthWithoutNamed: 0.4, strengthWithoutOthers: 0.85 },
    traits: [{ trait: { label: 'orders often', segmentValue: 2 }, value: 2.5, fits: true, isExact: true }],
    typicalCustomers: [{ similarity: 0.9, customer: { userId: 'user-1' } }],
    changes: [{ kind: 'WAIT', event: null, times: null, days: 30, segment: { name: 'Segment 2' }, strength: 0.7, isExact: false }],
  });
  expect((await asked(7)).customer.memberships).toEqual([{ why: { evidence: null } }]);
});

test('evidence is for a page and not for a list', async () => {
  const { body } = await gateway.ask('{ customers(first: 25) { nodes { memberships { why { evidence { strength } } } } } }');
  expect(body.errors?.[0]?.extensions).toEqual({ code: 'QUERY_TOO_COSTLY' });
});

test('what does not exist is null, and an unclear question is refused', async () => {
  const query = '{ customer(userId: "nobody") { id } other: customer(id: "zzz") { id } segment(id: "zzz") { id } node(id: "zzz") { id } model(id: "zzz") { id } trainingRun(id: "zzz") { id } eventReceipt(messageId: "m") { outcome } }';
  expect(await data(query)).toEqual({ customer: null, other: null, segment: null, node: null, model: null, trainingRun: null, eventReceipt: null });
  const { body } = await gateway.ask('{ customer(userId: "a", anonymousId: "b") { id } }');
  expect(body.errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT' });
});

test('a hundred rows at every depth cost one call a kind and level, not one a row', async () => {
  await data(`{ customers(first: 30) { nodes { memberships { segment { name typicalCustomers(first: 3) { userId memberships { segment { id } model { version } } } } model { version } } novelty isScored } } }`);
  const counts = Object.fromEntries(['listCustomers', 'getCustomerMemberships', 'getSegments', 'getCustomers', 'getModels'].map((method) => [method, gateway.services.count(method)]));
  expect(counts).toEqual({ listCustomers: 1, getCustomerMemberships: 2, getSegments: 1, getCustomers: 1, getModels: 1 });
});

test('many requests at the same time cost few calls, and callers share none', async () => {
  const ask = (number: number, key: string) => gateway.ask('query($userId: String!) { customer(userId: $userId) { userId memberships { segment { name } strength } } }', { userId: `user-${number}` }, key);
  const numbers = Array.from({ length: 40 }, (_, index) => index + 1);
  const held = Promise.withResolvers<void>();
  gateway.services.replace('getUserMemberships', async ({ userIds }: serving.GetUserMembershipsRequest) => {
    await held.promise;
    return { users: userIds.map((userId) => ({ userId, customer: placeOf(id('customer', Number(userId.slice(5)))) })), segments: [1, 2, 3, 4].map((number) => briefly(segmentOf(id('segment', number)))), basis: undefined };
  });
  const asking = Promise.all(numbers.flatMap((number) => [ask(number, KEYS.viewer), ask(number, KEYS.editor)]));
  // Asked after all of them, answered while they are held.
  for (let round = 0; round < 3; round++) await gateway.ask('{ viewer { role } }');
  held.resolve();
  const answers = await asking;
  expect(answers.map(({ body }) => body.data.customer.userId)).toEqual(numbers.flatMap((number) => [`user-${number}`, `user-${number}`]));
  expect(gateway.services.count('getUserMemberships')).toBeLessThan(40);
  expect(gateway.services.count('getCustomers')).toBeLessThan(40);
  expect(gateway.services.count('getSegments')).toBe(0);
  const asked = gateway.services.calls.filter(({ method }) => method === 'getUserMemberships');
  const byActor = Map.groupBy(asked, ({ principal }) => principal.actor);
  for (const calls of byActor.values()) {
    const userIds = calls.flatMap(({ request }) => (request as serving.GetUserMembershipsRequest).userIds);
    expect(userIds.toSorted()).toEqual(numbers.map((number) => `user-${number}`).toSorted());
  }
});

test('a look-up by user id asks those alone who know what is asked', async () => {
  const callsOf = async (fields: string, fragment = '') => {
    gateway.services.reset();
    await data(`{ customer(userId: "user-3") { ${fields} } } ${fragment}`);
    return gateway.services.calls.map(({ method }) => method).sort();
  };
  expect(await callsOf('memberships { segment { name } strength } isScored')).toEqual(['getUserMemberships']);
  expect(await callsOf('id ...place', 'fragment place on Customer { novelty }')).toEqual(['getUserMemberships']);
  expect(await callsOf('attributes novelty')).toEqual(['getCustomers', 'getUserMemberships']);
  expect(await callsOf('id')).toEqual(['resolveCustomers']);
  expect(await callsOf('attributes')).toEqual(['getCustomers', 'resolveCustomers']);
  expect(await data('{ customer(userId: "nobody") { memberships { strength } } }')).toEqual({ customer: null });
});

test('what was let in once is let in again, and what costs more or comes from another role is looked at anew', async () => {
  const query = 'query($first: Int) { customers(first: $first) { nodes { similar(first: 100) { customer { events(first: 100) { totalCount } } } } } }';
  expect([(await gateway.ask(query, { first: 1 })).status, (await gateway.ask(query, { first: 1 })).status, (await gateway.ask(query, { first: 100 })).status]).toEqual([200, 200, 400]);
  expect((await gateway.ask(query, { first: 1 }, KEYS.intake)).status).toBe(403);
});

test('a list is walked from any of its cursors, each row once and in order', async () => {
  const query = 'query($first: Int, $after: String) { customers(first: $first, after: $after) { totalCount asOf pageInfo { hasNextPage hasPreviousPage endCursor startCursor } edges { cursor node { userId } } } }';
  const seen: string[] = [];
  let after: string | undefined;
  for (;;) {
    const { customers } = await data(query, { first: 15, after });
    expect(customers.totalCount).toBe(40);
    expect(customers.pageInfo.hasPreviousPage).toBe(after !== undefined);
    seen.push(...customers.edges.map((edge: { node: { userId: string } }) => edge.node.userId));
    if (!customers.pageInfo.hasNextPage) break;
    after = customers.pageInfo.endCursor;
  }
  expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => `user-${index + 1}`));
  const first = await data(query, { first: 10 });
  const middle = await data(query, { first: 2, after: first.customers.edges[4].cursor });
  const beyond = await data(query, { first: 2, after: middle.customers.edges[0].cursor });
  expect(middle.customers.edges.map((edge: { node: { userId: string } }) => edge.node.userId)).toEqual(['user-6', 'user-7']);
  expect(beyond.customers.edges[0].node.userId).toBe('user-7');
  expect((await data(query, { first: 0 })).customers).toMatchObject({ edges: [], totalCount: 40, pageInfo: { hasNextPage: true, endCursor: null } });
  const { body } = await gateway.ask(query, { first: 2, after: 'made up' });
  expect(body.errors?.[0]?.extensions['code']).toBe('CURSOR_INVALID');
});

test('members of a segment come with their membership, and one that was erased meanwhile is left out', async () => {
  const segmentId = globalId('Segment', id('segment', 2));
  const { customers, segment } = await data(
    'query($id: ID!) { customers(segmentId: $id) { totalCount asOf edges { node { userId } membership { strength segment { name } } } } segment(id: $id) { members { nodes { userId } } } }',
    { id: segmentId },
  );
  expect(customers).toMatchObject({ totalCount: 4, asOf: AT });
  expect(customers.edges).toHaveLength(3);
  expect(customers.edges[0]).toEqual({ node: { userId: 'user-1' }, membership: { strength: 0.9, segment: { name: 'Segment 2' } } });
  expect(segment.members.nodes).toHaveLength(3);
});

test('members come in order of id unless strength is asked for, and a list goes on behind any of them by that member\'s own place', async () => {
  const query = 'query($id: ID!, $after: String, $order: MemberOrder) { segment(id: $id) { members(first: 4, after: $after, orderBy: $order) { edges { cursor } pageInfo { endCursor } } } customers(segmentId: $id) { nodes { id } } }';
  const segmentId = globalId('Segment', id('segment', 2));
  const { segment } = await data(query, { id: segmentId });
  const cursors = segment.members.edges.map(({ cursor }: { cursor: string }) => cursor);
  await data(query, { id: segmentId, after: cursors[1], order: 'STRENGTH' });
  const asked = gateway.services.calls.filter(({ method }) => method === 'listMembersOfSegments').map(({ request }) => request as serving.ListMembersOfSegmentsRequest);
  const { ID, STRENGTH } = serving.MemberOrder;
  expect(asked.map(({ page, order }) => [page?.first, page?.after, order])).toEqual(expect.arrayContaining([[4, '', ID], [25, '', ID], [4, 'm2', STRENGTH]]));
  expect(asked).toHaveLength(4);
  expect(segment.members.pageInfo.endCursor).toBe('0.m999');
});

test('what counts says of when, by which model and over how many', async () => {
  const { segments, customerMap, model, eventLedger } = await data(`{
    segments { asOf population totalCount model { version } nodes { name } }
    customerMap(sample: 3) { asOf population model { version } points { customerId segmentId x y strength } }
    model(champion: true) { verdict evaluation { asOf population sample { customers population drawn } measures(name: "auc") { subject value isBaseline } } run { state } }
    eventLedger { received stored duplicate rejected asOf }
  }`);
  expect(segments).toMatchObject({ asOf: AT, population: 40, totalCount: 4, model: { version: 1 } });
  expect(customerMap).toMatchObject({ asOf: AT, population: 40, model: { version: 1 } });
  expect(customerMap.points[0].segmentId).toBeNull();
  expect(readGlobalId(customerMap.points[1].segmentId)).toEqual({ type: 'Segment', id: id('segment', 1) });
  expect(model.evaluation).toEqual({ asOf: AT, population: 40, sample: { customers: 30, population: 40, drawn: 'by a hash of what they did and the seed 0' }, measures: [{ subject: 'embedding', value: 0.9, isBaseline: false }, { subject: 'rfm', value: 0.7, isBaseline: true }] });
  expect(eventLedger).toEqual({ received: 5_000_000_000, stored: 4_999_999_990, duplicate: 7, rejected: 3, asOf: AT });
});

test('curves of listed runs are fetched only for who asks', async () => {
  await data('{ trainingRuns { nodes { state progress spec { encoder width seed } } } }');
  expect(gateway.services.count('getRuns')).toBe(0);
  const { trainingRuns } = await data('{ trainingRuns(first: 2) { nodes { metrics(names: ["loss"]) { name points { step value } } } } }');
  expect(trainingRuns.nodes[0].metrics).toEqual([{ name: 'loss', points: [{ step: 1, value: 0.5 }] }]);
  expect(gateway.services.count('getRuns')).toBe(1);
});

test('what a run can be asked to train is told by who trains it', async () => {
  expect(await data('{ trainingSpecChoices { encoders { name hasLiveForm } objectives } }')).toEqual({
    trainingSpecChoices: { encoders: [{ name: 'gru', hasLiveForm: true }, { name: 'transformer', hasLiveForm: false }], objectives: ['horizon', 'order'] },
  });
});

test('expected failures of mutations are typed results', async () => {
  const answers = await data(
    `mutation($segment: ID!, $model: ID!) {
      start: startTrainingRun { __typename ... on Failure { code message } ... on RunActive { run { state } } }
      rename: renameSegment(id: $segment, name: "taken") { __typename ... on Failure { code } }
      renamed: renameSegment(id: $segment, name: "Regulars") { ... on Segment { name isRenamed } }
      promote: promoteModel(id: $model) { __typename ... on Failure { code } }
      cancel: cancelTrainingRun(id: "zzz") { __typename ... on Failure { code } }
      key: createApiKey(input: { name: "taken", role: VIEWER }) { __typename }
      made: createApiKey(input: { name: "free", role: VIEWER }) { ... on ApiKeyCreated { secret key { role prefix } } }
    }`,
    { segment: globalId('Segment', id('segment', 1)), model: globalId('Model', id('model', 1)) },
  );
  expect(answers).toEqual({
    start: { __typename: 'RunActive', code: 'RUN_ACTIVE', message: 'Another run has not ended yet.', run: { state: 'TRAINING' } },
    rename: { __typename: 'NameTaken', code: 'NAME_TAKEN' },
    renamed: { name: 'Regulars', isRenamed: true },
    promote: { __typename: 'AlreadyChampion', code: 'ALREADY_CHAMPION' },
    cancel: { __typename: 'NotFound', code: 'RUN_UNKNOWN' },
    key: { __typename: 'NameTaken' },
    made: { secret: 'kv_secret', key: { role: 'VIEWER', prefix: 'kv_' } },
  });
});

test('a failure names a segment by the id that it has outside', async () => {
  gateway.services.replace('previewDefinedSegment', () => {
    throw RpcError.invalid('condition.memberOf: there is no such segment.', { reason: 'SEGMENT_UNKNOWN', metadata: { path: 'condition.memberOf', segment_id: id('segment', 3) } });
  });
  const memberOf = globalId('Segment', id('segment', 3));
  const { body } = await gateway.ask('query($condition: CustomerConditionInput!) { previewSegment(condition: $condition) { size } }', { condition: { memberOf } });
  expect(body.errors?.[0]?.extensions).toEqual({ code: 'SEGMENT_UNKNOWN', path: 'condition.memberOf', segmentId: memberOf });
});

test('what nobody expected has a code, and tells nothing of our insides', async () => {
  gateway.services.replace('listSegments', () => {
    throw new RpcError(status.RESOURCE_EXHAUSTED, 'Busy; try again.', { reason: 'BUSY', metadata: { retryAfterSeconds: '2' } });
  });
  gateway.services.replace('listCustomers', () => {
    throw new Error('password=hunter2 at 10.0.0.7');
  });
  const segments = await gateway.ask('{ segments { totalCount } }');
  const customers = await gateway.ask('{ customers { totalCount } }');
  const missing = await gateway.ask('{ models { totalCount } }');
  expect(segments.body.errors?.[0]).toMatchObject({ message: 'Busy; try again.', path: ['segments'], extensions: { code: 'BUSY', retryAfterSeconds: '2' } });
  expect(customers.body.errors?.[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
  expect(JSON.stringify(customers.body)).not.toMatch(/hunter2|10\.0/);
  expect(missing.body.errors?.[0]?.extensions).toEqual({ code: 'NOT_SUPPORTED' });
});

test('every mutation but the sending of events leaves an entry, however it ends, without secrets', async () => {
  gateway.services.replace('cancelRun', () => {
    throw new Error('broken');
  });
  const runId = globalId('TrainingRun', id('run', 1));
  await gateway.ask('mutation($id: ID!) { cancelTrainingRun(id: $id) { __typename } }', { id: runId });
  await data('mutation { startTrainingRun(input: { seed: 7 }) { __typename } }', {}, KEYS.editor);
  await data('mutation { createApiKey(input: { name: "free", role: VIEWER }) { __typename } }');
  const events = Array.from({ length: 12 }, (_, index) => ({ event: 'A', userId: 'u', messageId: String(index), properties: { password: 'p' } }));
  await data('mutation($events: [EventInput!]!) { trackEvents(input: { events: $events }) { stored } }', { events }, KEYS.intake);
  expect(gateway.services.audit.map(({ actor, action, target, outcome, details }) => [actor, action, target, outcome, JSON.parse(details)])).toEqual([
    ['key:admin', 'cancelTrainingRun', `TrainingRun:${id('run', 1)}`, 'INTERNAL_SERVER_ERROR', { id: runId }],
    ['key:editor', 'startTrainingRun', '', 'RUN_ACTIVE', { input: { seed: 7 } }],
    ['key:admin', 'createApiKey', `ApiKey:${id('run', 9)}`, 'OK', { input: { name: 'free', role: 'ROLE_VIEWER' } }],
  ]);
  const written = gateway.services.calls.filter(({ method }) => method === 'recordAudit').map(({ principal }) => principal);
  expect(written[0]).toMatchObject({ actor: 'service:gateway', role: 'SERVICE', workspaceId: WORKSPACE });
});

test('a key is rotated: its new secret is in the answer, and in the trail is neither', async () => {
  const rotate = 'mutation($id: ID!, $overlap: Int! = 60) { rotateApiKey(id: $id, overlapSeconds: $overlap) { ... on ApiKeyRotated { secret key { prefix previousSecretUntil } } ... on Failure { code } } }';
  const [live, ended] = [globalId('ApiKey', id('run', 9)), globalId('ApiKey', id('run', 8))];
  expect(await data(rotate, { id: live })).toEqual({ rotateApiKey: { secret: 'kw_new_secret', key: { prefix: 'kw_new', previousSecretUntil: expect.any(String) as string } } });
  expect(gateway.services.calls.find(({ method }) => method === 'rotateKey')?.request).toEqual({ id: id('run', 9), overlapSeconds: 60 });
  expect(await data(rotate, { id: ended })).toEqual({ rotateApiKey: { code: 'KEY_ENDED' } });
  expect(await data(rotate, { id: live, overlap: -1 })).toEqual({ rotateApiKey: { code: 'KEY_INVALID' } });
  expect(await data(rotate, { id: 'nonsense' })).toEqual({ rotateApiKey: { code: 'KEY_UNKNOWN' } });
  expect(JSON.stringify(gateway.services.audit)).not.toContain('kw_new_secret');
  expect(gateway.services.audit[0]).toMatchObject({ action: 'rotateApiKey', target: `ApiKey:${id('run', 9)}`, outcome: 'OK' });
});

test('services are called as the key that asked', async () => {
  await data('{ viewer { workspace { name } } segments { totalCount } }', {}, KEYS.viewer);
  for (const { principal } of gateway.services.calls) expect(principal).toMatchObject({ workspaceId: WORKSPACE, actor: 'key:viewer', role: 'VIEWER' });
});

test.each(['__proto__', 'constructor'])('an event with a property named %s is passed on as it is, and so are its neighbours', async (name) => {
  const events = `[{"event":"A","userId":"u","properties":{"${name}":{"prototype":{"isAdmin":true}}}},{"event":"B","userId":"u"}]`;
  const query = 'mutation($events: [EventInput!]!) { trackEvents(input: { events: $events }) { stored } }';
  const { status } = await gateway.post(`{"query":${JSON.stringify(query)},"variables":{"events":${events}}}`, { authorization: `Bearer ${KEYS.intake}` });
  expect(status).toBe(200);
  const [request] = gateway.services.calls.filter(({ method }) => method === 'trackEventBatch').map((call) => call.request as ingestion.TrackEventBatchRequest);
  expect(Buffer.from(request?.events ?? []).toString()).toContain(`"properties":{"${name}":{"prototype":{"isAdmin":true}}}`);
  expect(JSON.parse(Buffer.from(request?.events ?? []).toString())).toHaveLength(2);
});

test('events are passed on in the form of Segment, each with its fate', async () => {
  const { trackEvents } = await data(
    `mutation { trackEvents(input: { events: [
      { event: "Order Completed", userId: "u-1", messageId: "m-1", timestamp: "2026-01-02T03:04:05+01:00", properties: { revenue: 5, note: null } }
      { type: IDENTIFY, messageId: "m-2", traits: { plan: "gold" } }
    ] }) { stored rejected duplicate results { messageId outcome reason } } }`,
    {},
    KEYS.intake,
  );
  expect(trackEvents).toEqual({
    stored: 1, rejected: 1, duplicate: 0,
    results: [{ messageId: 'm-1', outcome: 'STORED', reason: null }, { messageId: 'm-2', outcome: 'REJECTED', reason: 'CUSTOMER_MISSING' }],
  });
  const [request] = gateway.services.calls.filter(({ method }) => method === 'trackEventBatch').map((call) => call.request as ingestion.TrackEventBatchRequest);
  const sent = JSON.parse(Buffer.from(request?.events ?? []).toString()) as unknown;
  expect(sent).toEqual([
    { type: 'track', event: 'Order Completed', userId: 'u-1', messageId: 'm-1', timestamp: '2026-01-02T03:04:05+01:00', properties: { revenue: 5, note: null } },
    { type: 'identify', messageId: 'm-2', traits: { plan: 'gold' } },
  ]);
});

test.each(['"2026-02-30T00:00:00Z"', '"2026-05-01"', '1777636800', '"yesterday"', 'true', '{ at: "noon" }'])('a timestamp of %s is ingestion\'s to judge, and keeps no neighbour out', async (timestamp) => {
  const query = `mutation { trackEvents(input: { events: [{ event: "A", userId: "u", timestamp: ${timestamp} }, { event: "B", userId: "u" }] }) { stored } }`;
  await data(query, {}, KEYS.intake);
  const asVariables = { events: [{ event: 'A', userId: 'u', timestamp: JSON.parse(timestamp.replace('at:', '"at":')) as unknown }, { event: 'B', userId: 'u' }] };
  await data('mutation($events: [EventInput!]!) { trackEvents(input: { events: $events }) { stored } }', asVariables, KEYS.intake);
  const sent = gateway.services.calls.filter(({ method }) => method === 'trackEventBatch').map((call) => JSON.parse(Buffer.from((call.request as ingestion.TrackEventBatchRequest).events).toString()) as { timestamp: unknown }[]);
  expect(sent.map((events) => events.map((event) => event.timestamp))).toEqual([[asVariables.events[0]?.timestamp, undefined], [asVariables.events[0]?.timestamp, undefined]]);
});

test.each(['42', '1.5', '9007199254740993', 'true', '{ is: 1 }', '["u"]', 'null'])('an id or name of %s is ingestion\'s to judge, and keeps no neighbour out', async (given) => {
  const fields = ['userId', 'anonymousId', 'groupId', 'previousId', 'messageId', 'event', 'name'];
  const query = `mutation { trackEvents(input: { events: [{ ${fields.map((field) => `${field}: ${given}`).join(' ')} }, { event: "B", userId: "u" }] }) { stored } }`;
  await data(query, {}, KEYS.intake);
  const value = JSON.parse(given.replace('is:', '"is":')) as unknown;
  const asVariables = { events: [Object.fromEntries(fields.map((field) => [field, value])), { event: 'B', userId: 'u' }] };
  await data('mutation($events: [EventInput!]!) { trackEvents(input: { events: $events }) { stored } }', asVariables, KEYS.intake);
  const sent = gateway.services.calls.filter(({ method }) => method === 'trackEventBatch').map((call) => JSON.parse(Buffer.from((call.request as ingestion.TrackEventBatchRequest).events).toString()) as unknown);
  const passedOn = [{ type: 'track', ...asVariables.events[0] }, { type: 'track', event: 'B', userId: 'u' }];
  expect(sent).toEqual([passedOn, passedOn]);
});

test('an event that nests beyond all measure is passed on whole, and so are its neighbours', async () => {
  const deep = `{"event":"A","userId":"u","properties":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`;
  const query = 'mutation($events: [EventInput!]!) { trackEvents(input: { events: $events }) { stored } }';
  const { status, body } = await gateway.post(`{"query":${JSON.stringify(query)},"variables":{"events":[${deep},{"event":"B","userId":"u"}]}}`, { authorization: `Bearer ${KEYS.intake}` });
  expect([status, body.errors]).toEqual([200, undefined]);
  const [request] = gateway.services.calls.filter(({ method }) => method === 'trackEventBatch').map((call) => call.request as ingestion.TrackEventBatchRequest);
  expect(Buffer.from(request?.events ?? []).toString()).toContain(deep.slice(1, -1));
});

test('settings that are said stop being guesses, and the rest stays', async () => {
  await data('mutation { updateWorkspaceSettings(input: { currency: "GBP", valueProperty: null }) { ... on Workspace { settings { version } } } }');
  expect(gateway.services.calls.find(({ method }) => method === 'updateWorkspaceSettings')?.request).toEqual({
    settings: { version: 3, clock: 'CLOCK_DATA', timezone: 'UTC', currency: 'GBP', mainEvents: ['Order Completed'], valueProperty: '', guessed: ['clock'] },
    expectedVersion: 3,
  });
});

test('whoever has a reading key may look at the schema', async () => {
  const schema = await data(getIntrospectionQuery(), {}, KEYS.viewer);
  expect(schema.__schema.types.length).toBeGreaterThan(50);
});

test('it speaks GraphQL over HTTP as the specification demands', async () => {
  const withKey: typeof fetch = (input, init) => fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), authorization: `Bearer ${KEYS.admin}` } });
  const results = await auditServer({ url: `${gateway.url}/graphql`, fetchFn: withKey });
  const failed = results.filter((result) => result.status === 'error').map(({ name }) => name);
  expect(failed).toEqual([]);
});
