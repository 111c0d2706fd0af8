// Events that are unusual, told to whoever watches as they come in, and to webhooks: by the measured threshold, from a cursor on, over an absence of the worker.
import type { novelty, unusualEvent } from '#libs/contracts';

import { model, ServingHouse, type ServingReplica, type TestWorkspace } from './serving-house.js';
import { WebhookReceiver } from './webhook-receiver.js';

const DAY = 86_400_000;
/** Of events .3 is where one in a hundred ordinary ones lies. To the fake model an event named Alien is the only one that surprises. */
const REACH: novelty.NoveltyReach = { quantiles: [0.9, 0.99, 0.999], novelty: [0.1, 0.3, 0.5], measuredOn: 900, usual: 0.99 };
const ORDINARY: novelty.OrdinaryNovelty = { customers: REACH, events: REACH };
const BEGINNING = Buffer.from('[0,0]').toString('base64url');

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50', WEBHOOK_PRIVATE_TARGETS: 'true' });
});
const receivers: WebhookReceiver[] = [];
afterEach(() => receivers.splice(0).forEach((receiver) => receiver.close()));
afterAll(() => house.close());

interface Shop {
  readonly workspace: TestWorkspace;
  readonly customers: string[];
  readonly modelId: string;
}

async function shop(): Promise<Shop> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, 2);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const made = model();
  await house.prepare(replica, workspace, made, { ordinaryNovelty: ORDINARY });
  await replica.activation.activate({ modelId: made.id, fence: 1 }, workspace.service);
  return { workspace, customers, modelId: made.id };
}

/** The next unusual events, so many, from the very first where nothing else is said. */
async function told({ workspace }: Shop, count: number, after = BEGINNING): Promise<unusualEvent.UnusualEvent[]> {
  const abort = new AbortController();
  const taken: unusualEvent.UnusualEvent[] = [];
  for await (const { event } of replica.unusualEvents.watchUnusualEvents({ after }, { ...workspace.call, signal: abort.signal })) {
    if (event) taken.push(event);
    if (taken.length === count) break;
  }
  abort.abort();
  return taken;
}

test('an event beyond what ordinary ones reach is told with whose it is, others are not, and a cursor goes on behind it', async () => {
  const one = await shop();
  const [strange = '', ordinary = ''] = one.customers;
  await house.track(one.workspace.id, [
    { customerId: ordinary, name: 'Order Completed' }, { customerId: strange, name: 'Alien', at: Date.now() - 1_000 }, { customerId: strange, name: 'Product Viewed' },
  ]);
  const [first] = await told(one, 1);
  expect(first).toMatchObject({ customerId: strange, type: 'track', name: 'Alien', threshold: 0.3, modelId: one.modelId });
  expect(first?.novelty).toBeGreaterThan(0.9);
  await house.track(one.workspace.id, [{ customerId: ordinary, name: 'Alien' }]);
  const [next] = await told(one, 1, first?.cursor);
  expect(next).toMatchObject({ customerId: ordinary, name: 'Alien' });
  // The same that is told when the event is looked at.
  const { events } = await replica.foresight.getEventNovelty({ events: [{ customerId: ordinary, eventId: next?.eventId ?? '' }] }, one.workspace.call);
  expect(events).toEqual([{ eventId: next?.eventId, novelty: next?.novelty }]);
});

test('an event behind which thousands came at once is judged by what came before it, and told', async () => {
  const one = await shop();
  const [flooded = ''] = one.customers;
  const began = Date.now() - DAY / 2;
  const views = Array.from({ length: 2_100 }, (_, at) => ({ customerId: flooded, name: 'Product Viewed', at: began + 1 + at }));
  await house.track(one.workspace.id, [{ customerId: flooded, name: 'Alien', at: began }, ...views]);
  const [event] = await told(one, 1);
  expect([event?.name, Date.parse(event?.occurredAt ?? '')]).toEqual(['Alien', began]);
  const asked = [event?.eventId ?? '', one.modelId].map((eventId) => ({ customerId: flooded, eventId }));
  const { events: judged } = await replica.foresight.getEventNovelty({ events: asked }, one.workspace.call);
  expect(judged.map(({ novelty }) => novelty)).toEqual([event?.novelty, undefined]);
});

test('while the worker is away events wait, and are told once it is back', async () => {
  const one = await shop();
  const [customer = ''] = one.customers;
  house.worker.kill();
  await house.track(one.workspace.id, [{ customerId: customer, name: 'Alien' }]);
  const telling = told(one, 1);
  await house.worker.start();
  expect(await telling).toMatchObject([{ customerId: customer, name: 'Alien' }]);
});

async function receiverOf({ workspace }: Shop, events: string[]): Promise<{ receiver: WebhookReceiver; id: string }> {
  const receiver = await WebhookReceiver.listen();
  receivers.push(receiver);
  const { secret, webhook } = await replica.webhooks.createWebhook({ url: receiver.url, segments: undefined, events: { events } }, workspace.admin);
  receiver.secret = secret;
  return { receiver, id: webhook?.id ?? '' };
}
const idOf = (type: string, id = '') => Buffer.from(`${type}:${id}`).toString('base64url');

test('a webhook that asks for them is told of events as they come in, each as a signed track call with its place in the feed', async () => {
  const one = await shop();
  const [strange = '', ordinary = ''] = one.customers;
  await house.track(one.workspace.id, [{ customerId: strange, name: 'Alien' }]);
  await house.untilShown(one.workspace.id);
  const [{ receiver: alerts }, { receiver: all }] = [await receiverOf(one, ['Event Unusual']), await receiverOf(one, ['Segment Exited', 'Event Unusual'])];
  await house.track(one.workspace.id, [{ customerId: ordinary, name: 'Product Viewed' }, { customerId: ordinary, name: 'Alien' }]);
  const [call] = await alerts.untilAccepted(1);
  const [before, event] = await told(one, 2);
  expect(call?.event).toEqual({
    type: 'track', event: 'Event Unusual', messageId: call?.id, userId: `user-${ordinary}`, timestamp: event?.occurredAt,
    properties: {
      customer_id: idOf('Customer', ordinary), event_id: idOf('Event', event?.eventId), event_type: 'track', event_name: 'Alien', novelty: event?.novelty, threshold: 0.3, cursor: event?.cursor,
    },
  });
  expect(before?.customerId).toBe(strange);
  expect((await all.untilAccepted(1)).map(({ event: { properties } }) => properties.cursor)).toContain(event?.cursor);
  expect([...alerts.forged, ...all.forged]).toEqual([]);
  expect(alerts.accepted).toHaveLength(1);
});

test('a webhook is told of events from when it asks for them until it does not, and waits for a worker that is away', async () => {
  const one = await shop();
  const [first = '', second = ''] = one.customers;
  const { receiver, id } = await receiverOf(one, ['Segment Entered']);
  const ask = (events: string[]) => replica.webhooks.updateWebhook({ id, url: undefined, segments: undefined, enabled: undefined, events: { events } }, one.workspace.admin);
  const alien = async (customerId: string) => {
    await house.track(one.workspace.id, [{ customerId, name: 'Alien' }]);
    await house.untilShown(one.workspace.id);
  };
  await alien(first);
  await ask(['Event Unusual']);
  house.worker.kill();
  await alien(second);
  await house.worker.start();
  expect((await receiver.untilAccepted(1)).map(({ event: { userId } }) => userId)).toEqual([`user-${second}`]);
  await ask(['Segment Exited']);
  await alien(first);
  await ask(['Event Unusual']);
  await alien(second);
  expect((await receiver.untilAccepted(2)).map(({ event: { userId } }) => userId)).toEqual([`user-${second}`, `user-${second}`]);
});

test('a cursor that is none is refused', async () => {
  await expect(told(await shop(), 1, 'nonsense')).rejects.toMatchObject({ reason: 'CURSOR_INVALID' });
});
