import { type similar } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, id } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const search: similar.SimilaritySearch = { isExact: false, recall: 0.97, recallSample: 200, builtAt: AT, customers: 80_000, asOf: AT, modelId: id('model', 1) };
const customers = [{ customerId: id('customer', 1), similarity: 0.9 }, { customerId: id('customer', 999), similarity: 0.8 }];

test('similar customers and look-alikes are told without those who are gone, and how they were searched', async () => {
  gateway.services.replace('listSimilarToCustomers', ({ customerIds }: similar.ListSimilarToCustomersRequest) => ({ customers: customerIds.map((customerId) => ({ customerId, neighbours: customers })), search }));
  gateway.services.replace('listLookAlikes', () => ({ customers, search, seeds: 2 }));
  gateway.services.replace('getSimilaritySearch', () => ({ search }));
  const { body } = await gateway.ask(`query($segmentId: ID) {
    customer(userId: "user-3") { similar(first: 2) { similarity customer { userId } } }
    lookAlikes(segmentId: $segmentId, first: 2) { seeds customers { similarity customer { userId } } search { isExact } }
    similaritySearch { isExact recall recallSample builtAt customers asOf model { version } }
  }`, { segmentId: globalId('Segment', id('segment', 2)) });
  const near = [{ similarity: 0.9, customer: { userId: 'user-1' } }];
  expect(body).toEqual({ data: {
    customer: { similar: near },
    lookAlikes: { seeds: 2, customers: near, search: { isExact: false } },
    similaritySearch: { isExact: false, recall: 0.97, recallSample: 200, builtAt: AT, customers: 80_000, asOf: AT, model: { version: 1 } },
  } });
  expect(gateway.services.calls.find(({ method }) => method === 'listLookAlikes')?.request).toMatchObject({ segmentId: id('segment', 2), userIds: [], first: 2 });
});

test('what serving refuses is told with its reason', async () => {
  gateway.services.replace('listLookAlikes', () => {
    throw RpcError.invalid('There is no customer with the user id "ghost".', { reason: 'CUSTOMER_UNKNOWN' });
  });
  const { body } = await gateway.ask('{ lookAlikes(userIds: ["ghost"]) { seeds } }');
  expect(body.errors?.[0]).toMatchObject({ message: expect.stringContaining('"ghost"'), extensions: { code: 'CUSTOMER_UNKNOWN' } });
});
