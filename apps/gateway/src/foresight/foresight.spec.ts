import type { foresight } from '#libs/contracts';

import { AT, id } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const data = async (query: string) => {
  const { body } = await gateway.ask(query);
  expect(body.errors).toBeUndefined();
  return body.data;
};

test('items are recommended with score, reason, time and model', async () => {
  const { customer } = await data(`{ customer(userId: "user-3") {
    recommendations { item score reason goesWith asOf model { version } }
    others: recommendations(first: 1, excludeOwned: true) { item }
    events { nodes { novelty } }
  } }`);
  expect(customer).toEqual({
    recommendations: [
      { item: 'tea', score: 0.3, reason: 'BOUGHT_BEFORE', goesWith: null, asOf: AT, model: { version: 1 } },
      { item: 'milk', score: 0.2, reason: 'GOES_WITH', goesWith: 'tea', asOf: AT, model: { version: 1 } },
    ],
    others: [{ item: 'milk' }],
    events: { nodes: [{ novelty: 0.4 }] },
  });
});

test('what a page of customers may do next costs one call a kind and wish, not one a customer', async () => {
  const { customers } = await data(`{ customers(first: 30) { nodes {
    forecast { event model { version } } recommendations(first: 2) { item } others: recommendations(first: 2, excludeOwned: true) { item } events { nodes { id novelty } }
  } } }`);
  expect(customers.nodes).toHaveLength(30);
  const counts = Object.fromEntries(['getForecasts', 'recommendItems', 'getEventNovelty', 'getModels'].map((method) => [method, gateway.services.count(method)]));
  expect(counts).toEqual({ getForecasts: 1, recommendItems: 2, getEventNovelty: 1, getModels: 1 });
});

test('a forecast is of the horizon that is nearest to the one that is asked for, each event once', async () => {
  const one = { expectedValue: 0, expectedAt: undefined, earliestAt: undefined, latestAt: undefined, asOf: AT, modelId: id('model', 1) };
  const forecasts = [['A', 90, 0.9], ['A', 30, 0.7], ['B', 90, 0.6], ['A', 7, 0.4], ['B', 30, 0.3], ['B', 7, 0.1]].map(([event, horizonDays, probability]) => ({ ...one, event, horizonDays, probability }));
  gateway.services.replace('getForecasts', ({ customerIds }: foresight.GetForecastsRequest) => ({ customers: customerIds.map((customerId) => ({ customerId, forecasts })), modelId: id('model', 1) }));
  const { customer } = await data('{ customer(userId: "user-3") { near: forecast(horizonDays: 20) { event horizonDays } one: forecast(first: 1, horizonDays: 1000) { event horizonDays } all: forecast(first: 2) { event horizonDays } } }');
  expect(customer).toEqual({
    near: [{ event: 'A', horizonDays: 30 }, { event: 'B', horizonDays: 30 }],
    one: [{ event: 'A', horizonDays: 90 }],
    all: [{ event: 'A', horizonDays: 90 }, { event: 'A', horizonDays: 30 }],
  });
  const { body } = await gateway.ask('{ customer(userId: "user-3") { forecast(horizonDays: 0) { event } } }');
  expect(body.errors?.[0]?.message).toBe('horizonDays: give a number of days above 0.');
});

test('while events cannot be judged, everything else of them is answered', async () => {
  const { RpcError, status } = await import('#libs/grpc');
  gateway.services.replace('getEventNovelty', () => {
    throw new RpcError(status.UNAVAILABLE, 'The worker is away.', { reason: 'WORKER_AWAY' });
  });
  const { body } = await gateway.ask('{ customer(userId: "user-3") { userId events { nodes { name novelty } } } }');
  expect(body.data).toEqual({ customer: { userId: 'user-3', events: { nodes: [{ name: 'Order Completed', novelty: null }] } } });
  expect(body.errors?.map(({ path }: { path?: unknown }) => path)).toEqual([['customer', 'events', 'nodes', 0, 'novelty']]);
  expect(gateway.services.calls.find(({ method }) => method === 'getEventNovelty')?.request).toEqual({ events: [{ customerId: id('customer', 3), eventId: id('run', 2) }] });
});
