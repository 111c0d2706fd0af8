import { identity } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { AT, id, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterEach(() => gateway.services.reset());
afterAll(() => gateway.close());

const MERGE = id('run', 4);
const merge = {
  id: MERGE, cause: identity.MergeCause.SEEN_TOGETHER, from: { userId: '', anonymousId: 'device' }, into: { userId: 'user-1', anonymousId: '' }, fromCustomerId: id('customer', 2), intoCustomerId: id('customer', 1),
  event: { id: id('run', 2), type: 'track', name: 'Signed In', occurredAt: AT, receivedAt: AT, properties: '{}', messageId: 'm' }, occurredAt: AT, mergedAt: AT, undoneAt: undefined, undoneBy: '',
};
const UNDO = 'mutation($id: ID!) { undoMerge(id: $id) { __typename ... on MergeUndone { merge { id } customers { userId } } ... on Failure { code } } }';

test('a customer tells what joined its ids', async () => {
  gateway.services.replace('listMergesOfCustomers', ({ customerIds, withTotal }: identity.ListMergesOfCustomersRequest) => ({
    customers: customerIds.map((customerId) => ({ customerId, merges: [merge], pageInfo: { endCursor: 'x', hasNextPage: false, totalCount: withTotal ? 1 : 0 } })),
  }));
  const { body } = await gateway.ask('{ customer(userId: "user-1") { mergeHistory { totalCount nodes { id cause from { userId anonymousId } into { userId } event { name } occurredAt mergedAt undoneAt undoneBy } } } }');
  expect(body.data.customer.mergeHistory).toEqual({
    totalCount: 1,
    nodes: [{
      id: globalId('CustomerMerge', MERGE), cause: 'SEEN_TOGETHER', from: { userId: null, anonymousId: 'device' }, into: { userId: 'user-1' }, event: { name: 'Signed In' },
      occurredAt: AT, mergedAt: AT, undoneAt: null, undoneBy: null,
    }],
  });
});

test('a merge is undone by an admin, and both customers are shown', async () => {
  gateway.services.replace('undoMerge', () => ({ merge, customerIds: [id('customer', 2), id('customer', 1)] }));
  const { body } = await gateway.ask(UNDO, { id: globalId('CustomerMerge', MERGE) });
  expect(body.data.undoMerge).toEqual({ __typename: 'MergeUndone', merge: { id: globalId('CustomerMerge', MERGE) }, customers: [{ userId: 'user-2' }, { userId: 'user-1' }] });
  expect((await gateway.ask(UNDO, { id: globalId('CustomerMerge', MERGE) }, KEYS.editor)).status).toBe(403);
});

test('what cannot be undone says why', async () => {
  gateway.services.replace('undoMerge', () => {
    throw RpcError.precondition('This merge was undone already.', { reason: 'MERGE_UNDONE' });
  });
  const undone = await gateway.ask(UNDO, { id: globalId('CustomerMerge', MERGE) });
  expect(undone.body.data.undoMerge).toEqual({ __typename: 'MergeUndoneBefore', code: 'MERGE_UNDONE' });
  const unknown = await gateway.ask(UNDO, { id: globalId('Customer', MERGE) });
  expect(unknown.body.data.undoMerge).toEqual({ __typename: 'NotFound', code: 'MERGE_UNKNOWN' });
});

test('a value is blocked by a person, and a blank one is refused', async () => {
  gateway.services.replace('setBlockedId', (request: { value: string; blocked: boolean }) => {
    if (request.value === '') throw RpcError.invalid('A blank value is no id anyway.', { reason: 'ID_INVALID' });
    return { id: { ...request, everywhere: false } };
  });
  const block = 'mutation($value: String!) { setBlockedId(value: $value) { __typename ... on BlockedId { value isBlocked isEverywhere } ... on Failure { code } } }';
  expect((await gateway.ask(block, { value: 'kiosk' })).body.data.setBlockedId).toEqual({ __typename: 'BlockedId', value: 'kiosk', isBlocked: true, isEverywhere: false });
  expect((await gateway.ask(block, { value: '' })).body.data.setBlockedId).toEqual({ __typename: 'BlockedIdInvalid', code: 'ID_INVALID' });
});
