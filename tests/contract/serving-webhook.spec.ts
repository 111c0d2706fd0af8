import { webhook } from '#libs/contracts';

import { publicId } from '../../apps/serving/src/page/public-id.js';
import { model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';
import { type ReceivedCall, WebhookReceiver } from './webhook-receiver.js';

const DAY = 86_400_000;
const { WebhookDeliveryState: State } = webhook;
const IMPATIENT = { FEED_POLL_MS: '50', WEBHOOK_PRIVATE_TARGETS: 'true', WEBHOOK_ATTEMPTS: '4', WEBHOOK_BACKOFF_MS: '10', WEBHOOK_TIMEOUT_MS: '5000' };

let house: ServingHouse;
let replica: ServingReplica;
const receivers: WebhookReceiver[] = [];
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start(IMPATIENT);
});
afterEach(() => receivers.splice(0).forEach((receiver) => receiver.close()));
afterAll(() => house.close());

interface Shop {
  readonly workspace: TestWorkspace;
  readonly customers: string[];
  /** Ids of segments by name. */
  readonly segments: Record<string, string>;
}

/** Customers who are all in "Few orders"; two more orders bring one of them into "Many orders". */
async function shop(count: number): Promise<Shop> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  const { segments } = await replica.segments.listSegments({ page: undefined, kind: 'SEGMENT_KIND_UNSPECIFIED' as never, modelId: '', asOf: undefined, level: 'SEGMENT_LEVEL_UNSPECIFIED' as never, brief: false }, workspace.call);
  return { workspace, customers, segments: Object.fromEntries(segments.map(({ id, name }) => [name, id])) };
}

async function receiverOf({ workspace }: Shop, segmentIds: string[] = []): Promise<{ receiver: WebhookReceiver; id: string }> {
  const receiver = await WebhookReceiver.listen();
  receivers.push(receiver);
  const { webhook: made, secret } = await replica.webhooks.createWebhook({ url: receiver.url, segments: { segmentIds }, events: undefined }, workspace.admin);
  receiver.secret = secret;
  return { receiver, id: made?.id ?? '' };
}

const toMany = ({ workspace }: Shop, customerId: string) =>
  house.track(workspace.id, [1, 2].map((index) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY + index })));
const toNowhere = ({ workspace }: Shop, customerId: string) => house.track(workspace.id, [{ customerId, name: 'Alien' }]);
const changesOf = async ({ workspace }: Shop) =>
  (await replica.memberships.listMembershipChanges({ customerId: '', segmentId: '', page: { first: 500, after: '' } }, workspace.call)).pageInfo?.totalCount ?? 0;
const log = async ({ workspace }: Shop, webhookId: string, state = State.UNSPECIFIED) =>
  (await replica.webhooks.listDeliveriesOfWebhooks({ webhookIds: [webhookId], state, page: { first: 500, after: '' }, withTotal: false }, workspace.admin)).webhooks[0]?.deliveries ?? [];
const told = (calls: readonly ReceivedCall[]) => calls.map(({ event: { event, properties } }) => `${event}: ${properties.segment_name}`);

test('a move is told as two signed track calls, in order, to who asked for these segments', async () => {
  const one = await shop(1);
  const { receiver, id } = await receiverOf(one);
  const { receiver: narrow } = await receiverOf(one, [one.segments['Many orders'] ?? '']);
  const [customer = ''] = one.customers;
  await toMany(one, customer);
  const calls = await receiver.untilAccepted(2);
  expect(told(calls)).toEqual(['Segment Exited: Few orders', 'Segment Entered: Many orders']);
  expect(calls[1]?.event).toMatchObject({
    type: 'track', userId: `user-${customer}`, messageId: calls[1]?.id,
    properties: {
      segment_id: Buffer.from(`Segment:${one.segments['Many orders']}`).toString('base64url'), customer_id: Buffer.from(`Customer:${customer}`).toString('base64url'),
      strength: 0.9, is_by_promotion: false,
    },
  });
  expect(told(await narrow.untilAccepted(1))).toEqual(['Segment Entered: Many orders']);
  expect([receiver.forged, narrow.forged]).toEqual([[], []]);
  const deliveries = await until(() => log(one, id), (rows) => rows.every(({ state }) => state === State.DELIVERED));
  expect(deliveries.map(({ event, attempts, responseStatus, error }) => [event, attempts, responseStatus, error])).toEqual([
    ['Segment Entered', 1, 204, ''], ['Segment Exited', 1, 204, ''],
  ]);
  expect(JSON.parse(deliveries[0]?.body ?? '')).toEqual(calls[1]?.event);
});

test('the cursor of an event is a place in the feed of changes', async () => {
  const one = await shop(1);
  const { receiver } = await receiverOf(one);
  await toMany(one, one.customers[0] ?? '');
  const [{ event } = { event: undefined }] = await receiver.untilAccepted(1);
  const { changes } = await replica.memberships.listMembershipChanges({ customerId: '', segmentId: '', page: undefined }, one.workspace.call);
  expect(event?.properties.cursor).toBe(changes[0]?.cursor);
});

test('the logs of several webhooks are those of each of them, in a state and page by page', async () => {
  const one = await shop(1);
  const [all, many] = [await receiverOf(one), await receiverOf(one, [one.segments['Many orders'] ?? ''])];
  await toMany(one, one.customers[0] ?? '');
  await Promise.all([all.receiver.untilAccepted(2), many.receiver.untilAccepted(1)]);
  await until(async () => (await Promise.all([all, many].map(({ id }) => log(one, id, State.DELIVERED)))).flat().length, (delivered) => delivered === 3);
  const logs = async (page: { first: number; after: string }, state = State.UNSPECIFIED, withTotal = true) =>
    (await replica.webhooks.listDeliveriesOfWebhooks({ webhookIds: [many.id, 'no id', all.id], state, page, withTotal }, one.workspace.admin)).webhooks;
  const told = await logs({ first: 9, after: '' });
  expect(told.map(({ deliveries }) => deliveries)).toEqual([await log(one, many.id), [], await log(one, all.id)]);
  expect(told.map(({ pageInfo }) => pageInfo?.totalCount)).toEqual([1, 0, 2]);
  expect((await logs({ first: 9, after: '' }, State.DEAD)).flatMap(({ deliveries }) => deliveries)).toEqual([]);
  const cut = (await logs({ first: 1, after: '' }, State.DELIVERED, false)).at(-1);
  expect(cut?.pageInfo).toMatchObject({ hasNextPage: true, totalCount: 0 });
  const rest = (await logs({ first: 1, after: cut?.pageInfo?.endCursor ?? '' })).at(-1);
  expect([...(cut?.deliveries ?? []), ...(rest?.deliveries ?? [])]).toEqual(await log(one, all.id));
});

test('what fails is tried again with the same id and bytes, its customer waits in order, and others go on', async () => {
  const two = await shop(2);
  const [unlucky = '', lucky = ''] = two.customers;
  const { receiver } = await receiverOf(two);
  let failures = 2;
  receiver.answer = ({ userId }) => (userId === `user-${unlucky}` && failures-- > 0 ? 500 : 200);
  await toMany(two, unlucky);
  await receiver.untilCalled(1);
  await toMany(two, lucky);
  await receiver.untilAccepted(4);
  const mine = receiver.calls.filter(({ event }) => event.userId === `user-${unlucky}`);
  expect(told(mine)).toEqual([...Array<string>(3).fill('Segment Exited: Few orders'), 'Segment Entered: Many orders']);
  expect(new Set(mine.slice(0, 3).map(({ id, body }) => `${id} ${body}`)).size).toBe(1);
  expect(told(receiver.accepted.filter(({ event }) => event.userId === `user-${lucky}`))).toEqual(['Segment Exited: Few orders', 'Segment Entered: Many orders']);
});

test('a receiver that asks to be left alone is called no sooner, and after six hours at the latest', async () => {
  const one = await shop(1);
  const ids = await Promise.all([600, 1e9].map(async (retryAfter) => {
    const { receiver, id } = await receiverOf(one, [one.segments['Few orders'] ?? '']);
    Object.assign(receiver, { answer: () => 429, retryAfter });
    return id;
  }));
  await toMany(one, one.customers[0] ?? '');
  const minutes = ids.map(async (id) => {
    const [waiting] = await until(() => log(one, id), (rows) => rows[0]?.responseStatus === 429);
    return Math.round((Date.parse(waiting?.nextAttemptAt ?? '') - Date.now()) / 60_000);
  });
  expect(await Promise.all(minutes)).toEqual([10, 360]);
});

test('after the last attempt it is given up, listed, and sent again when that is asked for', async () => {
  const one = await shop(1);
  const { receiver, id } = await receiverOf(one, [one.segments['Many orders'] ?? '']);
  receiver.answer = () => 503;
  await toMany(one, one.customers[0] ?? '');
  const [dead] = await until(() => log(one, id, State.DEAD), (rows) => rows.length === 1);
  expect(dead).toMatchObject({ attempts: 4, responseStatus: 503, error: 'the receiver answered 503', nextAttemptAt: undefined });
  expect(receiver.calls).toHaveLength(4);
  expect((await replica.webhooks.getWebhook({ id }, one.workspace.admin)).webhook).toMatchObject({ deadDeliveries: 1, waitingDeliveries: 0 });
  receiver.answer = () => 200;
  const { delivery } = await replica.webhooks.replayWebhookDelivery({ id: dead?.id ?? '' }, one.workspace.admin);
  expect(delivery).toMatchObject({ state: State.WAITING });
  const [again] = await receiver.untilAccepted(1);
  expect(again?.id).toBe(dead?.id);
  await until(() => log(one, id, State.DELIVERED), (rows) => rows.length === 1);
});

test('a receiver that never answers holds up nobody else', async () => {
  const many = await shop(20);
  const { receiver: hanging, id } = await receiverOf(many);
  hanging.answer = () => 0;
  const { receiver } = await receiverOf(many);
  for (const customer of many.customers) await toMany(many, customer);
  await receiver.untilAccepted(40);
  expect(receiver.calls).toHaveLength(40);
  // Not one of its attempts has come to an end meanwhile.
  expect(await log(many, id, State.DEAD)).toEqual([]);
  await replica.webhooks.deleteWebhook({ id }, many.workspace.admin);
});

test('a restart of serving and an emptied queue lose nothing and keep the order', async () => {
  const many = await shop(30);
  const { receiver, id } = await receiverOf(many);
  receiver.answer = () => 0;
  for (const customer of many.customers) await toMany(many, customer);
  await until(() => changesOf(many), (total) => total === 60);
  await receiver.untilCalled(1);
  await replica.stop();
  await house.redis.flushall();
  receiver.answer = () => 200;
  replica = await house.start(IMPATIENT);
  for (const customer of many.customers.slice(0, 10)) await toNowhere(many, customer);
  await until(async () => (await log(many, id, State.DELIVERED)).length, (count) => count === 70);
  const byCustomer = Map.groupBy(receiver.accepted, ({ event }) => event.userId);
  expect(byCustomer.size).toBe(30);
  for (const [user, calls] of byCustomer) {
    const whole = ['Segment Exited: Few orders', 'Segment Entered: Many orders', 'Segment Exited: Many orders'];
    const hasLeft = many.customers.slice(0, 10).some((customer) => user === `user-${customer}`);
    expect([...new Set(told(calls))]).toEqual(hasLeft ? whole : whole.slice(0, 2));
  }
  expect(receiver.forged).toEqual([]);
});

test('disabled, it keeps its place and goes on from there; deleted, it is told nothing more', async () => {
  const three = await shop(3);
  const { receiver, id } = await receiverOf(three, [three.segments['Many orders'] ?? '']);
  const { workspace } = three;
  await replica.webhooks.updateWebhook({ id, segments: undefined, enabled: false, events: undefined }, workspace.admin);
  await toMany(three, three.customers[0] ?? '');
  await until(() => changesOf(three), (total) => total === 4);
  expect(receiver.calls).toEqual([]);
  const { webhook: changed } = await replica.webhooks.updateWebhook({ id, segments: { segmentIds: [] }, enabled: true, events: undefined }, workspace.admin);
  expect(changed).toMatchObject({ enabled: true, segmentIds: [], url: receiver.url });
  expect(told(await receiver.untilAccepted(2))).toEqual(['Segment Exited: Few orders', 'Segment Entered: Many orders']);
  await replica.webhooks.deleteWebhook({ id }, workspace.admin);
  await expect(replica.webhooks.getWebhook({ id }, workspace.admin)).rejects.toMatchObject({ reason: 'WEBHOOK_UNKNOWN' });
  expect((await replica.webhooks.listWebhooks({ page: undefined }, workspace.admin)).webhooks).toEqual([]);
  expect((await house.owner.query('select from serving.open_webhooks where id = $1', [id])).rowCount).toBe(0);
});

test('a receiver that says it is gone is not called again', async () => {
  const one = await shop(1);
  const { receiver, id } = await receiverOf(one);
  receiver.answer = () => 410;
  await toMany(one, one.customers[0] ?? '');
  await until(async () => (await replica.webhooks.getWebhook({ id }, one.workspace.admin)).webhook?.enabled, (enabled) => enabled === false);
  expect(receiver.calls).toHaveLength(1);
});

test('a customer who was erased meanwhile is not told of', async () => {
  const two = await shop(2);
  const [erased = '', kept = ''] = two.customers;
  house.customersOutside.erased.add(erased);
  const { receiver } = await receiverOf(two, [two.segments['Many orders'] ?? '']);
  await toMany(two, erased);
  await until(() => changesOf(two), (total) => total === 3);
  await toMany(two, kept);
  expect((await receiver.untilAccepted(1)).map(({ event }) => event.userId)).toEqual([`user-${kept}`]);
});

test('one who was merged into another is told of as themselves, so that nobody takes the other out of what they are in', async () => {
  const two = await shop(2);
  const [device = '', person = ''] = two.customers;
  house.customersOutside.merged.set(device, person);
  const { receiver } = await receiverOf(two, [two.segments['Few orders'] ?? '']);
  await toNowhere(two, device);
  const [left] = await receiver.untilAccepted(1);
  expect(left?.event).toMatchObject({ event: 'Segment Exited', anonymousId: `device-${device}`, properties: { customer_id: publicId('Customer', device) } });
  expect(left?.event).not.toHaveProperty('userId');
});

test('what cannot be is refused with a reason', async () => {
  const one = await shop(1);
  const { workspace } = one;
  const create = (url: string, segmentIds: string[] = [], on = replica) => on.webhooks.createWebhook({ url, segments: { segmentIds }, events: undefined }, workspace.admin);
  const { id, receiver } = await receiverOf(one);
  const strict = await house.start({ FEED_POLL_MS: '50' });
  await expect(create(receiver.url, [], strict)).rejects.toMatchObject({ reason: 'URL_INVALID' });
  await expect(create('https://127.0.0.1/', [], strict)).rejects.toMatchObject({ reason: 'URL_PRIVATE' });
  await expect(strict.webhooks.updateWebhook({ id, url: 'https://[::1]/', segments: undefined, events: undefined }, workspace.admin)).rejects.toMatchObject({ reason: 'URL_PRIVATE' });
  await strict.stop();
  await expect(create(receiver.url, ['01900000-0000-7000-8000-000000000001'])).rejects.toMatchObject({
    reason: 'SEGMENT_UNKNOWN', message: expect.stringMatching(`^segmentIds: there is no segment ${publicId('Segment', '01900000-0000-7000-8000-000000000001')};`),
  });
  await expect(replica.webhooks.replayWebhookDelivery({ id: 'x' }, workspace.admin)).rejects.toMatchObject({ reason: 'DELIVERY_UNKNOWN' });
  await expect(replica.webhooks.listWebhooks({ page: undefined }, workspace.call)).rejects.toMatchObject({ reason: 'FORBIDDEN' });
  const elsewhere = await house.workspace();
  await expect(replica.webhooks.getWebhook({ id }, elsewhere.admin)).rejects.toMatchObject({ reason: 'WEBHOOK_UNKNOWN' });
});
