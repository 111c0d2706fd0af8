import { unusual } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, id, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const data = async (query: string, variables?: Record<string, unknown>) => {
  const { body } = await gateway.ask(query, variables);
  expect(body.errors).toBeUndefined();
  return body.data;
};

test('a novelty says in words how rare it is and from where on that is unusual, of customers and of events', async () => {
  const fields = 'value oneIn inWords threshold quantile isUnusual since';
  const { customer } = await data(`{ customer(userId: "user-3") { unusual { ${fields} } events(first: 1) { nodes { unusual { ${fields} } } } } }`);
  const { customer: other } = await data('{ customer(userId: "user-4") { unusual { isUnusual since } events(first: 1) { nodes { unusual { value } } } } }');
  expect(customer.unusual).toEqual({
    value: 0.6, oneIn: 1_000, inWords: 'as rare as one in 1,000 customers; unusual from one in 200 on', threshold: 0.46, quantile: 0.995, isUnusual: true, since: AT,
  });
  expect(customer.events.nodes).toEqual([
    { unusual: { value: 0.4, oneIn: 100, inWords: 'as rare as one in 100 events; unusual from one in 32 on', threshold: 0.3, quantile: 0.995, isUnusual: true, since: null } },
  ]);
  expect(other).toEqual({ unusual: { isUnusual: false, since: null }, events: { nodes: [{ unusual: null }] } });
});

test('a page of customers costs one call', async () => {
  const { customers } = await data('{ customers(first: 30) { nodes { unusual { isUnusual } } } }');
  expect(customers.nodes).toHaveLength(30);
  expect(gateway.services.count('getCustomerNovelty')).toBe(1);
});

test('where nothing is measured and nothing set, a novelty is neither unusual nor usual', async () => {
  gateway.services.replace('getCustomerNovelty', ({ customerIds }: unusual.GetCustomerNoveltyRequest) => ({
    customers: customerIds.map((customerId) => ({ customerId, novelty: 1, since: undefined })), threshold: undefined,
  }));
  const { customer } = await data('{ customer(userId: "user-3") { unusual { inWords threshold isUnusual } } }');
  expect(customer.unusual).toEqual({ inWords: 'rarer than one in 100,000 customers', threshold: null, isUnusual: null });
});

test('unusual customers are listed with who they are, and the thresholds with the model that measured them', async () => {
  gateway.services.replace('listUnusualCustomers', () => ({
    customers: [{ customerId: id('customer', 3), novelty: 0.9, since: AT, told: true, modelId: id('model', 1), cursor: 'c' }], pageInfo: { endCursor: 'c', hasNextPage: false, totalCount: 1 }, modelId: id('model', 1),
  }));
  const answer = await data(`{
    unusualCustomers { totalCount basis { model { version } customers } nodes { customer { userId } novelty since isTold model { version ordinaryNovelty { threshold quantile measuredOn points { quantile novelty } } ordinaryEventNovelty { threshold } } } }
    noveltyThresholds { customers { threshold quantile isOverridden } events { threshold } model { version } }
  }`);
  expect(answer.unusualCustomers).toEqual({
    totalCount: 1, basis: { model: { version: 1 }, customers: expect.any(Number) },
    nodes: [{
      customer: { userId: 'user-3' }, novelty: 0.9, since: AT, isTold: true,
      model: { version: 1, ordinaryNovelty: { threshold: 0.46, quantile: 0.995, measuredOn: 900, points: [{ quantile: 0.9, novelty: 0.2 }, { quantile: 0.995, novelty: 0.46 }] }, ordinaryEventNovelty: null },
    }],
  });
  expect(answer.noveltyThresholds).toEqual({ customers: { threshold: 0.46, quantile: 0.995, isOverridden: false }, events: { threshold: 0.3 }, model: { version: 1 } });
});

test('a threshold that has no meaning is a typed result with the field, and only an admin sets one', async () => {
  gateway.services.replace('setNoveltyThreshold', ({ quantile }: unusual.SetNoveltyThresholdRequest) => {
    if (quantile === 99.5) throw RpcError.invalid('For 99.5 % give 0.995.', { reason: 'THRESHOLD_INVALID', metadata: { field: 'quantile' } });
    return { thresholds: { customers: { threshold: 0.4, quantile, overridden: true }, events: undefined, measured: undefined, modelId: '' } };
  });
  const query = `mutation($input: SetNoveltyThresholdInput!) { setNoveltyThreshold(input: $input) {
    __typename ... on NoveltyThresholds { customers { quantile isOverridden } model { version } } ... on NoveltyThresholdInvalid { code message field } } }`;
  expect(await data(query, { input: { quantile: 99.5 } })).toEqual({
    setNoveltyThreshold: { __typename: 'NoveltyThresholdInvalid', code: 'THRESHOLD_INVALID', message: 'For 99.5 % give 0.995.', field: 'quantile' },
  });
  expect(await data(query, { input: { quantile: 0.99 } })).toEqual({ setNoveltyThreshold: { __typename: 'NoveltyThresholds', customers: { quantile: 0.99, isOverridden: true }, model: null } });
  const { status: http, body } = await gateway.ask(query, { input: {} }, KEYS.editor);
  expect([http, body.errors?.[0]?.extensions['code']]).toEqual([403, 'FORBIDDEN']);
});

test('a webhook tells of what it is asked to, and of segments where nothing is said', async () => {
  const made = { id: id('run', 1), url: 'https://example.com/a', segmentIds: [], events: ['Customer Unusual'], enabled: true, createdAt: AT, waitingDeliveries: 0, deadDeliveries: 0 };
  gateway.services.replace('createWebhook', () => ({ webhook: made, secret: 'whsec_x' }));
  const create = (events: string) => data(`mutation { createWebhook(input: { url: "https://example.com/a"${events} }) { ... on WebhookCreated { webhook { events } } ... on Failure { code } } }`);
  expect(await create(', events: [CUSTOMER_UNUSUAL]')).toEqual({ createWebhook: { webhook: { events: ['CUSTOMER_UNUSUAL'] } } });
  await create('');
  expect(await create(', events: []')).toEqual({ createWebhook: { code: 'EVENT_UNKNOWN' } });
  expect(gateway.services.calls.filter(({ method }) => method === 'createWebhook').map(({ request }) => (request as { events?: unknown }).events)).toEqual([{ events: ['Customer Unusual'] }, undefined]);
});
