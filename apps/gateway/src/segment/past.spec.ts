import type { history, pastReading, serving } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { id, segmentOf } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

const EARLY = '2026-01-01T00:00:00Z';
const LATER = '2026-02-01T00:00:00Z';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
beforeEach(() => {
  gateway.services.replace('listPastMembersOfSegments', ({ segmentIds, asOf = '' }: history.ListPastMembersOfSegmentsRequest) => ({
    segments: segmentIds.map((segmentId) => ({
      segmentId,
      members: [1, 2].map((number) => ({ customerId: id('customer', number), membership: membership(segmentId, asOf), cursor: `c${number}` })),
      pageInfo: { endCursor: 'c2', hasNextPage: false, totalCount: 2 },
    })),
  }));
  gateway.services.replace('getPastMemberships', ({ customerIds, asOf = '' }: history.GetPastMembershipsRequest) => ({
    customers: customerIds.map((customerId) => ({ customerId, memberships: [membership(id('segment', asOf.startsWith('2026-01') ? 1 : 2), asOf)] })),
  }));
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const membership = (segmentId: string, at: string): serving.Membership => ({ segmentId, strength: 0.7, since: at, decidedAt: at, modelId: id('model', 1), finerSegmentId: '' });
const requests = (method: string) => gateway.services.calls.filter((call) => call.method === method).map(({ request }) => request as { asOf?: string });

test('members of a segment as of a time are those of that time, and so are its whole and its parts', async () => {
  const [whole, part] = [id('segment', 1), id('segment', 2)];
  gateway.services.replace('getSegments', ({ ids }: serving.GetSegmentsRequest) => ({
    segments: ids.map((one) => ({ ...segmentOf(one), ...(one === whole ? { childIds: [part] } : { parentId: whole }) })),
  }));
  const { body } = await gateway.ask(
    `query($id: ID!, $asOf: DateTime!) {
      segment(id: $id, asOf: $asOf) { members { totalCount asOf nodes { userId } edges { membership { strength } } } parent { name children { members { totalCount asOf } } } }
      now: segment(id: $id) { members { totalCount } }
    }`,
    { id: globalId('Segment', part), asOf: EARLY },
  );
  expect(body.errors).toBeUndefined();
  const at = new Date(EARLY).toISOString();
  expect(body.data.segment).toEqual({
    members: { totalCount: 2, asOf: EARLY, nodes: [{ userId: 'user-1' }, { userId: 'user-2' }], edges: [{ membership: { strength: 0.7 } }, { membership: { strength: 0.7 } }] },
    parent: { name: 'Segment 1', children: [{ members: { totalCount: 2, asOf: EARLY } }] },
  });
  expect(body.data.now.members.totalCount).toBe(4);
  expect(requests('listPastMembersOfSegments')).toMatchObject([{ segmentIds: [part], asOf: at }, { segmentIds: [part], asOf: at }]);
  expect(requests('getSegments').map(({ asOf }) => asOf).toSorted()).toEqual([at, at, undefined]);
});

test('listed segments as of a time tell the members of that time', async () => {
  const { body } = await gateway.ask('query($asOf: DateTime!) { segments(asOf: $asOf) { nodes { members { totalCount } } } }', { asOf: EARLY });
  expect(body.errors).toBeUndefined();
  expect(new Set(body.data.segments.nodes.map(({ members }: { members: { totalCount: number } }) => members.totalCount))).toEqual(new Set([2]));
  expect([gateway.services.count('listPastMembersOfSegments'), gateway.services.count('listMembersOfSegments')]).toEqual([1, 0]);
});

test('memberships of many customers as of a time cost one call a time', async () => {
  const { body } = await gateway.ask(
    `query($early: DateTime!, $later: DateTime!) { customers(first: 30) { nodes {
      early: memberships(asOf: $early) { segment { name } since } later: memberships(asOf: $later) { segment { name } } memberships { strength }
    } } }`,
    { early: EARLY, later: LATER },
  );
  expect(body.errors).toBeUndefined();
  expect(body.data.customers.nodes).toHaveLength(30);
  expect(body.data.customers.nodes[0]).toEqual({
    early: [{ segment: { name: 'Segment 1' }, since: new Date(EARLY).toISOString() }], later: [{ segment: { name: 'Segment 2' } }], memberships: [{ strength: 0.9 }],
  });
  expect(gateway.services.count('getPastMemberships')).toBe(2);
  expect(gateway.services.count('getSegments')).toBe(1);
});

const readingAt = (customerId: string, asOf: string): pastReading.PastReading => ({
  customerId, known: customerId !== id('customer', 2), novelty: 0.4, mapX: 5, mapY: 6,
  forecasts: [{ event: 'B', horizonDays: 7, probability: 0.5, expectedValue: 1, expectedAt: undefined, earliestAt: undefined, latestAt: undefined, asOf, modelId: id('model', 1) }],
});

test('novelty, place and forecast as of a time are read once a time for all customers, and are nothing for whom nothing is known', async () => {
  gateway.services.replace('readPast', ({ customerIds, asOf = '' }: pastReading.ReadPastRequest) => ({ customers: customerIds.map((one) => readingAt(one, asOf)), modelId: id('model', 1) }));
  const { body } = await gateway.ask(
    `query($early: DateTime!, $later: DateTime!) { customers(first: 30) { nodes {
      novelty(asOf: $early) mapPosition(asOf: $early) { x y } forecast(first: 1, asOf: $early) { event asOf model { version } } later: novelty(asOf: $later) now: novelty
    } } }`,
    { early: EARLY, later: LATER },
  );
  expect(body.errors).toBeUndefined();
  const [first, second] = body.data.customers.nodes;
  expect(first).toEqual({ novelty: 0.4, mapPosition: { x: 5, y: 6 }, forecast: [{ event: 'B', asOf: new Date(EARLY).toISOString(), model: { version: 1 } }], later: 0.4, now: 0.1 });
  expect(second).toEqual({ novelty: null, mapPosition: null, forecast: [], later: null, now: 0.1 });
  expect(requests('readPast').map(({ asOf }) => asOf).toSorted()).toEqual([EARLY, LATER].map((at) => new Date(at).toISOString()));
});

test('reading many customers again for a whole page is refused before it is begun', async () => {
  const aliases = Array.from({ length: 4 }, (_, at) => `a${at}: novelty(asOf: "2026-01-0${at + 1}T00:00:00Z")`).join(' ');
  const { body } = await gateway.ask(`{ customers(first: 100) { nodes { ${aliases} } } }`);
  expect(body.errors?.[0]?.extensions).toEqual({ code: 'QUERY_TOO_COSTLY' });
});

test('the reason of a membership as of a time, and what is recommended, are asked as of that time', async () => {
  const { body } = await gateway.ask(
    `query($at: DateTime!) { customer(userId: "user-3") { memberships(asOf: $at) { why { evidence { strength model { version } } } } recommendations(first: 1, asOf: $at) { item } now: recommendations(first: 1) { item } } }`,
    { at: EARLY },
  );
  expect(body.errors).toBeUndefined();
  const at = new Date(EARLY).toISOString();
  expect(requests('explainMembership')).toMatchObject([{ segmentId: id('segment', 1), asOf: at }]);
  expect(requests('recommendItems').map(({ asOf }) => asOf).toSorted()).toEqual([at, undefined]);
});

test.each([
  ['similar customers', '{ customer(userId: "user-3") { similar(asOf: "2026-01-01T00:00:00Z") { similarity } } }', 'novelty, forecast or memberships of the customer as of that time'],
  ['the map of everyone', '{ customerMap(asOf: "2026-01-01T00:00:00Z") { population } }', 'mapPosition of single customers'],
])('%s as of an earlier time are refused, with why and with what to ask instead', async (_name, query, instead) => {
  const { body } = await gateway.ask(query);
  expect(body.errors).toMatchObject([{ message: expect.stringMatching(new RegExp(`not kept.*${instead}`)), extensions: { code: 'AS_OF_NOT_KEPT' } }]);
  expect(gateway.services.count('listSimilarToCustomers') + gateway.services.count('getCustomerMap')).toBe(0);
});

test('a time that cannot be answered says so, with what to ask instead', async () => {
  const message = 'asOf: memberships are known from 2026-01-01T00:00:00.000Z on. Ask for that time or a later one.';
  gateway.services.replace('getPastMemberships', () => {
    throw RpcError.precondition(message, { reason: 'AS_OF_BEFORE_HISTORY' });
  });
  const { body } = await gateway.ask('{ customer(userId: "user-1") { memberships(asOf: "2020-01-01T00:00:00Z") { strength } } }');
  expect(body.errors).toMatchObject([{ message, extensions: { code: 'AS_OF_BEFORE_HISTORY' } }]);
});
