import { webhook } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { AT, id, KEYS } from '../gateway.fake.js';
import { startTestGateway, type TestGateway } from '../gateway.start.js';
import { globalId } from '../graphql/global-id.js';

const HOOK = id('run', 1);
const DELIVERY = id('run', 2);
const hook: webhook.Webhook = {
  id: HOOK, url: 'https://example.com/hook', segmentIds: [id('segment', 1), id('segment', 2)], events: ['Segment Entered', 'Customer Unusual'], enabled: true, createdAt: AT, waitingDeliveries: 2, deadDeliveries: 1,
  previousSecretUntil: undefined,
};
const delivery: webhook.WebhookDelivery = {
  id: DELIVERY, webhookId: HOOK, event: 'Segment Entered', customerId: id('customer', 3), segmentId: id('segment', 2), state: webhook.WebhookDeliveryState.DEAD, attempts: 8,
  createdAt: AT, lastAttemptAt: AT, nextAttemptAt: undefined, settledAt: AT, responseStatus: 0, error: 'no answer within 10000 ms', body: '{"type":"track"}',
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
beforeEach(() => {
  gateway.services.reset();
  gateway.services.replace('listWebhooks', () => ({ webhooks: [hook, { ...hook, segmentIds: [] }], pageInfo: { endCursor: 'w', hasNextPage: false, totalCount: 2 } }));
  gateway.services.replace('listDeliveriesOfWebhooks', ({ webhookIds }: webhook.ListDeliveriesOfWebhooksRequest) => ({
    webhooks: webhookIds.map((webhookId) => ({ webhookId, deliveries: [delivery], pageInfo: { endCursor: 'd', hasNextPage: false, totalCount: 1 } })),
  }));
  gateway.services.replace('createWebhook', ({ url }: webhook.CreateWebhookRequest) => {
    if (url.includes('127.0.0.1')) throw RpcError.invalid('127.0.0.1 is no public address.', { reason: 'URL_PRIVATE' });
    if (url.includes('one-more')) throw new RpcError(status.RESOURCE_EXHAUSTED, 'At most 50.', { reason: 'TOO_MANY_WEBHOOKS' });
    return { webhook: { ...hook, url }, secret: 'whsec_told-once' };
  });
  gateway.services.replace('updateWebhook', ({ id: own, ...request }: webhook.UpdateWebhookRequest) => ({ webhook: { ...hook, id: own, enabled: request.enabled ?? true } }));
  gateway.services.replace('rotateWebhookSecret', ({ overlapSeconds }: webhook.RotateWebhookSecretRequest) => {
    if (overlapSeconds > 2_592_000) throw RpcError.invalid('At most 30 days.', { reason: 'OVERLAP_INVALID' });
    return { webhook: { ...hook, previousSecretUntil: AT }, secret: 'whsec_told-later' };
  });
  gateway.services.replace('deleteWebhook', () => ({}));
  gateway.services.replace('getWebhook', () => ({ webhook: hook }));
  gateway.services.replace('replayWebhookDelivery', ({ id: own }: webhook.ReplayWebhookDeliveryRequest) => {
    if (own !== DELIVERY) throw RpcError.precondition('It waits.', { reason: 'DELIVERY_WAITING' });
    return { delivery: { ...delivery, state: webhook.WebhookDeliveryState.WAITING } };
  });
});
afterAll(() => gateway.close());

const data = async (query: string, variables?: Record<string, unknown>) => {
  const { body } = await gateway.ask(query, variables);
  expect(body.errors).toBeUndefined();
  return body.data;
};
const requestOf = (method: string) => gateway.services.calls.find((call) => call.method === method)?.request;

test('webhooks are listed with their log, who moved and where, and never with a secret', async () => {
  const { webhooks } = await data(`{ webhooks { totalCount nodes { id url isEnabled waitingDeliveries deadDeliveries segments { name }
    deliveries(state: DEAD) { totalCount nodes { messageId event state attempts responseStatus error settledAt nextAttemptAt body customer { userId } segment { name } } } } } }`);
  expect(webhooks.totalCount).toBe(2);
  expect(webhooks.nodes[0]).toEqual({
    id: globalId('Webhook', HOOK), url: 'https://example.com/hook', isEnabled: true, waitingDeliveries: 2, deadDeliveries: 1,
    segments: [{ name: 'Segment 1' }, { name: 'Segment 2' }],
    deliveries: {
      totalCount: 1,
      nodes: [{
        messageId: DELIVERY, event: 'Segment Entered', state: 'DEAD', attempts: 8, responseStatus: null, error: 'no answer within 10000 ms', settledAt: AT, nextAttemptAt: null,
        body: { type: 'track' }, customer: { userId: 'user-3' }, segment: { name: 'Segment 2' },
      }],
    },
  });
  expect(webhooks.nodes[1].segments).toBeNull();
  expect(requestOf('listDeliveriesOfWebhooks')).toMatchObject({ state: webhook.WebhookDeliveryState.DEAD });
  expect({ customers: gateway.services.count('getCustomers'), segments: gateway.services.count('getSegments') }).toEqual({ customers: 1, segments: 1 });
});

test('a webhook is made with its secret told once, and the trail knows which one but not the secret', async () => {
  const { createWebhook } = await data(
    'mutation($segment: ID!) { createWebhook(input: { url: "https://example.com/a", segmentIds: [$segment] }) { ... on WebhookCreated { secret webhook { url } } } }',
    { segment: globalId('Segment', id('segment', 1)) },
  );
  expect(createWebhook).toEqual({ secret: 'whsec_told-once', webhook: { url: 'https://example.com/a' } });
  expect(requestOf('createWebhook')).toEqual({ url: 'https://example.com/a', segments: { segmentIds: [id('segment', 1)] } });
  const [entry] = gateway.services.audit;
  expect(entry).toMatchObject({ action: 'createWebhook', target: `Webhook:${HOOK}`, outcome: 'OK' });
  expect(JSON.stringify(entry)).not.toContain('told-once');
});

test('a secret is rotated: the new one is in the answer, and in the trail is neither', async () => {
  const rotate = (own: string, overlap: number) =>
    data('mutation($id: ID!, $overlap: Int!) { rotateWebhookSecret(id: $id, overlapSeconds: $overlap) { ... on WebhookSecretRotated { secret webhook { previousSecretUntil } } ... on Failure { code } } }', { id: own, overlap });
  expect(await rotate(globalId('Webhook', HOOK), 60)).toEqual({ rotateWebhookSecret: { secret: 'whsec_told-later', webhook: { previousSecretUntil: AT } } });
  expect(requestOf('rotateWebhookSecret')).toEqual({ id: HOOK, overlapSeconds: 60 });
  expect(gateway.services.audit[0]).toMatchObject({ action: 'rotateWebhookSecret', target: `Webhook:${HOOK}`, outcome: 'OK' });
  expect(JSON.stringify(gateway.services.audit)).not.toContain('told-later');
  for (const overlap of [-1, 2_592_001]) expect(await rotate(globalId('Webhook', HOOK), overlap)).toEqual({ rotateWebhookSecret: { code: 'OVERLAP_INVALID' } });
  expect(await rotate('zzz', 60)).toEqual({ rotateWebhookSecret: { code: 'WEBHOOK_UNKNOWN' } });
});

test.each([
  ['an address inside', 'url: "https://127.0.0.1/"', 'URL_PRIVATE'],
  ['one too many', 'url: "https://example.com/one-more"', 'TOO_MANY_WEBHOOKS'],
  ['no segment at all', 'url: "https://example.com/", segmentIds: []', 'SEGMENT_UNKNOWN'],
  ['what is no segment', 'url: "https://example.com/", segmentIds: ["zzz"]', 'SEGMENT_UNKNOWN'],
])('%s is refused as a typed result', async (_what, input, code) => {
  const { createWebhook } = await data(`mutation { createWebhook(input: { ${input} }) { __typename ... on Failure { code } } }`);
  expect(createWebhook).toEqual({ __typename: 'WebhookInvalid', code });
  expect(gateway.services.audit).toMatchObject([{ action: 'createWebhook', outcome: code }]);
});

test('a change leaves alone what it does not name, and null means all segments', async () => {
  const query = 'mutation($id: ID!, $input: UpdateWebhookInput!) { updateWebhook(id: $id, input: $input) { ... on Webhook { isEnabled } } }';
  expect(await data(query, { id: globalId('Webhook', HOOK), input: { isEnabled: false } })).toEqual({ updateWebhook: { isEnabled: false } });
  expect(requestOf('updateWebhook')).toEqual({ id: HOOK, segments: undefined, enabled: false });
  gateway.services.calls.length = 0;
  await data(query, { id: globalId('Webhook', HOOK), input: { segmentIds: null } });
  expect(requestOf('updateWebhook')).toEqual({ id: HOOK, segments: { segmentIds: [] } });
});

test('ends, replays and what is not there are typed results', async () => {
  const answers = await data(
    `mutation($hook: ID!, $delivery: ID!, $other: ID!) {
      gone: deleteWebhook(id: $hook) { ... on WebhookDeleted { id } }
      unknown: deleteWebhook(id: "zzz") { __typename ... on Failure { code } }
      changed: updateWebhook(id: "zzz", input: {}) { __typename ... on Failure { code } }
      again: replayWebhookDelivery(id: $delivery) { ... on WebhookDelivery { state } }
      waiting: replayWebhookDelivery(id: $other) { __typename ... on Failure { code } }
      nowhere: replayWebhookDelivery(id: "zzz") { __typename ... on Failure { code } }
    }`,
    { hook: globalId('Webhook', HOOK), delivery: globalId('WebhookDelivery', DELIVERY), other: globalId('WebhookDelivery', id('run', 3)) },
  );
  expect(answers).toEqual({
    gone: { id: globalId('Webhook', HOOK) },
    unknown: { __typename: 'NotFound', code: 'WEBHOOK_UNKNOWN' },
    changed: { __typename: 'NotFound', code: 'WEBHOOK_UNKNOWN' },
    again: { state: 'WAITING' },
    waiting: { __typename: 'WebhookDeliveryWaiting', code: 'DELIVERY_WAITING' },
    nowhere: { __typename: 'NotFound', code: 'DELIVERY_UNKNOWN' },
  });
});

test('only an admin key sees to webhooks', async () => {
  const { status: http, body } = await gateway.ask('{ webhooks { totalCount } }', {}, KEYS.editor);
  expect([http, body.errors?.[0]?.extensions['code']]).toEqual([403, 'FORBIDDEN']);
  const { node } = await data('query($id: ID!) { node(id: $id) { ... on Webhook { url } } }', { id: globalId('Webhook', HOOK) });
  expect(node).toEqual({ url: 'https://example.com/hook' });
});
