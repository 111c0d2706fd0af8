import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { text } from 'node:stream/consumers';

import { Webhook } from 'standardwebhooks';

import { api, post, until } from './ready.ts';

interface Alert {
  readonly event: string;
  readonly userId: string;
  readonly properties: { readonly novelty: number; readonly threshold: number; readonly cursor: string };
}

/** A receiver of webhooks that takes what is signed. */
class Receiver {
  readonly taken: Alert[] = [];
  secret = '';
  private readonly server: Server = createServer((request, response) => void this.take(request).then((status) => response.writeHead(status).end()));

  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/alerts`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async take(request: IncomingMessage): Promise<number> {
    const body = await text(request);
    new Webhook(this.secret).verify(body, request.headers as Record<string, string>);
    this.taken.push(JSON.parse(body) as Alert);
    return 204;
  }
}

const receiver = new Receiver();
let webhookId = '';
beforeAll(async () => {
  const { createWebhook } = await api().ask<{ createWebhook: { secret: string; webhook: { id: string } } }>(
    `mutation($url: String!) { createWebhook(input: { url: $url, events: [CUSTOMER_UNUSUAL, CUSTOMER_USUAL_AGAIN] }) { ... on WebhookCreated { secret webhook { id } } } }`,
    { url: await receiver.listen() },
  );
  receiver.secret = createWebhook.secret;
  webhookId = createWebhook.webhook.id;
});
afterAll(async () => {
  await api().ask('mutation($id: ID!) { deleteWebhook(id: $id) { __typename } }', { id: webhookId });
  receiver.close();
});

/** A card tester's hour: nobody in the shop lives like that. */
async function testCards(userId: string, from: number): Promise<void> {
  const batch = Array.from({ length: 60 }, (_, at) => ({
    type: 'track', event: 'Payment Info Entered', userId, messageId: randomUUID(), timestamp: new Date(from + at * 8_000).toISOString(),
    properties: { payment_method: 'card', card_last4: String(1_000 + at), accepted: false },
  }));
  expect((await post('/v1/batch', { batch })).status).toBe(200);
}

interface Seen {
  customer: { eventCount: number; unusual: { value: number; threshold: number; quantile: number; inWords: string; isUnusual: boolean; since: string | null } | null } | null;
}
const seen = (userId: string) =>
  api().ask<Seen>('query($userId: String!) { customer(userId: $userId) { eventCount unusual { value threshold quantile inWords isUnusual since } } }', { userId });

test('the model that was learned says from where on a customer is unusual', async () => {
  const { noveltyThresholds, model } = await api().ask<{
    noveltyThresholds: { customers: { threshold: number; quantile: number; isOverridden: boolean }; events: { threshold: number } };
    model: { ordinaryNovelty: { threshold: number; measuredOn: number } };
  }>('{ noveltyThresholds { customers { threshold quantile isOverridden } events { threshold } } model(champion: true) { ordinaryNovelty { threshold measuredOn } } }');
  expect(noveltyThresholds.customers).toEqual({ threshold: model.ordinaryNovelty.threshold, quantile: 0.995, isOverridden: false });
  expect(noveltyThresholds.events.threshold).toBeGreaterThan(0);
  expect(model.ordinaryNovelty.measuredOn).toBeGreaterThan(500);
});

test('an implausible life is one alert, to a subscription and to a webhook, and in the list', async () => {
  const userId = `tester-${randomUUID()}`;
  const begin = Date.now() - 3_600_000;
  const { unusualCustomers: before } = await api().ask<{ unusualCustomers: { totalCount: number } }>('{ unusualCustomers { totalCount } }');
  // The first place in the feed, so that nothing hangs on when the socket opens.
  const beginning = Buffer.from('[0,0]').toString('base64url');
  const alerts = api().follow<{ customerUnusual: { cursor: string; isUnusual: boolean; cause: string; customer: { userId: string | null } | null } }>(
    'subscription($after: String) { customerUnusual(after: $after) { cursor isUnusual cause customer { userId } } }',
    { after: beginning },
  );
  for (const from of [begin, begin + 600_000, begin + 1_200_000]) {
    await testCards(userId, from);
    await until(() => seen(userId), ({ customer }) => customer?.eventCount === 60 * (1 + (from - begin) / 600_000) && customer.unusual !== null, 20_000);
  }
  const { customer } = await until(() => seen(userId), (answer) => answer.customer?.unusual?.isUnusual === true, 20_000);
  process.stderr.write(`   ${customer?.unusual?.value.toFixed(2)} against ${customer?.unusual?.threshold.toFixed(2)}: ${customer?.unusual?.inWords}\n`);
  expect(customer?.unusual?.since).toBeTruthy();
  const [alert] = await until(async () => receiver.taken.filter((taken) => taken.userId === userId), (taken) => taken.length > 0);
  expect(alert).toMatchObject({ event: 'Customer Unusual', properties: { threshold: customer?.unusual?.threshold } });
  for await (const { customerUnusual } of alerts) {
    if (customerUnusual.customer?.userId !== userId) continue;
    expect(customerUnusual).toMatchObject({ isUnusual: true, cause: 'READING', cursor: alert?.properties.cursor });
    break;
  }
  const { unusualCustomers } = await api().ask<{ unusualCustomers: { totalCount: number; nodes: { customer: { userId: string } }[] } }>(
    '{ unusualCustomers(first: 100) { totalCount nodes { customer { userId } } } }',
  );
  expect(unusualCustomers.totalCount).toBe(unusualCustomers.nodes.length);
  expect(unusualCustomers.totalCount).toBeGreaterThan(before.totalCount);
  expect(unusualCustomers.nodes.map((node) => node.customer.userId)).toContain(userId);
  expect(receiver.taken.filter((taken) => taken.userId === userId)).toHaveLength(1);
}, 90_000);

test('where the workspace says that half of everyone is unusual they are listed, and nobody is told', async () => {
  const told = receiver.taken.length;
  const set = (input: string) => api().ask(`mutation { setNoveltyThreshold(input: ${input}) { __typename ... on Failure { message } } }`);
  expect(await set('{ quantile: 99.5 }')).toMatchObject({ setNoveltyThreshold: { __typename: 'NoveltyThresholdInvalid', message: expect.stringContaining('0.995') } });
  try {
    expect(await set('{ quantile: 0.5 }')).toMatchObject({ setNoveltyThreshold: { __typename: 'NoveltyThresholds' } });
    const { unusualCustomers } = await api().ask<{ unusualCustomers: { totalCount: number } }>('{ unusualCustomers { totalCount } }');
    expect(unusualCustomers.totalCount).toBeGreaterThan(100);
  } finally {
    await set('{}');
  }
  const { unusualCustomers } = await api().ask<{ unusualCustomers: { totalCount: number } }>('{ unusualCustomers { totalCount } }');
  expect(unusualCustomers.totalCount).toBeLessThan(100);
  expect(receiver.taken).toHaveLength(told);
});
