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
