import { randomUUID } from 'node:crypto';

import { api, post, until } from './ready.ts';

const order = (userId: string, messageId: string) => ({
  type: 'track',
  event: 'Order Completed',
  userId,
  messageId,
  timestamp: new Date().toISOString(),
  properties: { revenue: 120, currency: 'USD', products: [{ product_id: 'p-1', price: 60, quantity: 2 }] },
});

interface CustomerAnswer {
  customer: { eventCount: number; isScored: boolean; memberships: { segment: { name: string }; since: string }[] } | null;
}

const customer = (userId: string) =>
  api().ask<CustomerAnswer>('query($userId: String!) { customer(userId: $userId) { eventCount isScored memberships { segment { name } since } } }', { userId });

test('a new event is visible in the customer without any refresh', async () => {
  const userId = `new-${randomUUID()}`;
  expect((await customer(userId)).customer).toBeNull();
  const began = performance.now();
  expect((await post('/v1/batch', { batch: [order(userId, randomUUID())], sentAt: new Date().toISOString() })).status).toBe(200);
  const acknowledged = performance.now();
  const answer = await until(() => customer(userId), ({ customer: found }) => (found?.memberships.length ?? 0) > 0);
  process.stderr.write(`   acknowledged after ${(acknowledged - began).toFixed(0)} ms, membership visible after ${(performance.now() - began).toFixed(0)} ms\n`);
  expect(answer.customer?.eventCount).toBe(1);
  expect(answer.customer?.isScored).toBe(true);
});

test('the same message id is one event, and its receipt tells so', async () => {
  const userId = `twice-${randomUUID()}`;
  const messageId = randomUUID();
  for (let i = 0; i < 3; i += 1) expect((await post('/v1/batch', { batch: [order(userId, messageId)] })).status).toBe(200);
  const { eventReceipt } = await api().ask<{ eventReceipt: { outcome: string; duplicates: number } }>(
    'query($id: String!) { eventReceipt(messageId: $id) { outcome duplicates } }',
    { id: messageId },
  );
  expect(eventReceipt).toEqual({ outcome: 'STORED', duplicates: 2 });
  expect((await customer(userId)).customer?.eventCount).toBe(1);
});

test('a bad event goes to quarantine with its reason, and its neighbours pass', async () => {
  const userId = `neighbour-${randomUUID()}`;
  const nameless = { type: 'track', userId, messageId: randomUUID(), properties: {} };
  const nobody = { type: 'track', event: 'Order Completed', messageId: randomUUID() };
  expect((await post('/v1/batch', { batch: [nameless, order(userId, randomUUID()), nobody] })).status).toBe(200);
  for (const { messageId } of [nameless, nobody]) {
    const { eventReceipt } = await api().ask<{ eventReceipt: { outcome: string; reason: string | null; detail: string | null } }>(
      'query($id: String!) { eventReceipt(messageId: $id) { outcome reason detail } }',
      { id: messageId },
    );
    expect(eventReceipt.outcome).toBe('REJECTED');
    expect(eventReceipt.reason).toBeTruthy();
    expect(eventReceipt.detail).toBeTruthy();
  }
  expect((await customer(userId)).customer?.eventCount).toBe(1);
});

test('what was received adds up to stored, duplicate and rejected', async () => {
  const { eventLedger } = await api().ask<{ eventLedger: { received: number; stored: number; duplicate: number; rejected: number } }>(
    '{ eventLedger { received stored duplicate rejected } }',
  );
  expect(eventLedger.received).toBeGreaterThan(0);
  expect(eventLedger.received).toBe(eventLedger.stored + eventLedger.duplicate + eventLedger.rejected);
});

test('unreadable JSON is told as such, and an unknown key is refused', async () => {
  expect((await post('/v1/batch', '{"batch": [')).status).toBe(400);
  expect((await post('/v1/batch', { batch: [] }, { authorization: `Basic ${Buffer.from('kw_unknown:').toString('base64')}` })).status).toBe(401);
});

test('GraphQL takes events too, each with its own result', async () => {
  const { trackEvents } = await api().ask<{ trackEvents: { results: { outcome: string }[] } }>(
    'mutation($input: TrackEventsInput!) { trackEvents(input: $input) { results { outcome } } }',
    { input: { events: [{ type: 'TRACK', event: 'Product Viewed', userId: `graph-${randomUUID()}` }, { type: 'TRACK', userId: 'nameless' }] } },
  );
  expect(trackEvents.results.map((result) => result.outcome)).toEqual(['STORED', 'REJECTED']);
});

test('a subscription tells of a customer entering a segment', async () => {
  const userId = `watched-${randomUUID()}`;
  const changes = api().follow<{ membershipChanged: { customer: { userId: string | null } | null; to: { name: string } | null } }>(
    'subscription { membershipChanged { customer { userId } to { name } } }',
  );
  const next = (async () => {
    for await (const { membershipChanged } of changes) if (membershipChanged.customer?.userId === userId) return membershipChanged;
    return undefined;
  })();
  // The subscription begins "now": send until it has begun, each time a further event of the same customer's.
  const sending = setInterval(() => void post('/v1/batch', { batch: [order(userId, randomUUID())] }), 200);
  try {
    expect((await next)?.to?.name).toBeTruthy();
  } finally {
    clearInterval(sending);
  }
});
