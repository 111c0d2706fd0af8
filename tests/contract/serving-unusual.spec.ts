// Who is unusual: one alert for each unusual stretch of a life, told by the feed, by webhooks and in a list that agrees with its count.
import { forgetting, novelty, unusual } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { model, ServingHouse, type ServingReplica, type TestModel, type TestWorkspace, until } from './serving-house.js';
import { type ReceivedCall, WebhookReceiver } from './webhook-receiver.js';

const DAY = 86_400_000;
/** .4 is where one in a hundred ordinary customers lies, .6 one in a thousand. */
const REACH: novelty.NoveltyReach = { quantiles: [0.9, 0.99, 0.999], novelty: [0.2, 0.4, 0.6], measuredOn: 900, usual: 0.99 };
const ORDINARY: novelty.OrdinaryNovelty = { customers: REACH, events: { ...REACH, novelty: [0.1, 0.3, 0.5] } };

let house: ServingHouse;
let replica: ServingReplica;
const receivers: WebhookReceiver[] = [];
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50', WEBHOOK_PRIVATE_TARGETS: 'true' });
});
afterEach(() => receivers.splice(0).forEach((receiver) => receiver.close()));
afterAll(() => house.close());

interface Shop {
  readonly workspace: TestWorkspace;
  readonly customers: string[];
}

async function promote(workspace: TestWorkspace, fence: number, ordinaryNovelty: novelty.OrdinaryNovelty | undefined = ORDINARY): Promise<TestModel> {
  const next = model();
  await house.prepare(replica, workspace, next, { ordinaryNovelty });
  await replica.activation.activate({ modelId: next.id, fence }, workspace.service);
  return next;
}

/** Ordinary customers, by a model that has measured what that is. */
async function shop(count: number, ordinary: novelty.OrdinaryNovelty | undefined = ORDINARY): Promise<Shop> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  await promote(workspace, 1, ordinary);
  return { workspace, customers };
}

let second = 0;
/** An event after which the fake model finds the customer as novel as that. */
const becomes = ({ workspace }: Shop, customerId: string, ...novelties: number[]) =>
  house.track(workspace.id, novelties.map((novelty) => ({ customerId, at: Date.now() - DAY / 2 + 1_000 * ++second, properties: { novelty } })));
const read = async ({ workspace }: Shop, customerId: string) => (await replica.unusual.getCustomerNovelty({ customerIds: [customerId] }, workspace.call)).customers[0];
const untilRead = (one: Shop, customerId: string, novelty: number) => until(() => read(one, customerId), (seen) => seen?.novelty === novelty);
const listed = async ({ workspace }: Shop, first = 100, after = '') => replica.unusual.listUnusualCustomers({ page: { first, after } }, workspace.call);
const names = async (one: Shop) => (await listed(one)).customers.map(({ customerId }) => customerId);

const BEGINNING = Buffer.from('[0,0]').toString('base64url');

/** Changes until there are so many, from the very first where nothing else is said. */
async function changes({ workspace }: Shop, count: number, request: Partial<unusual.WatchUnusualCustomersRequest> = {}): Promise<unusual.UnusualChange[]> {
  const abort = new AbortController();
  const taken: unusual.UnusualChange[] = [];
  for await (const { change } of replica.unusual.watchUnusualCustomers({ customerId: '', after: BEGINNING, ...request }, { ...workspace.call, signal: abort.signal })) {
    if (change) taken.push(change);
    if (taken.length === count) break;
  }
  abort.abort();
  return taken;
}
const told = (taken: readonly unusual.UnusualChange[]) => taken.map(({ customerId, isUnusual, cause }) => [customerId, isUnusual, cause]);

async function receiverOf({ workspace }: Shop, events: string[]): Promise<WebhookReceiver> {
  const receiver = await WebhookReceiver.listen();
  receivers.push(receiver);
  const { secret } = await replica.webhooks.createWebhook({ url: receiver.url, segments: undefined, events: { events } }, workspace.admin);
  receiver.secret = secret;
  return receiver;
}
const heard = (calls: readonly ReceivedCall[]) => calls.map(({ event }) => `${event.event}: ${event.userId}`);

test('an implausible life is one alert however long it lasts, and one more when it is over', async () => {
  const one = await shop(2);
  const [strange = '', ordinary = ''] = one.customers;
  const receiver = await receiverOf(one, ['Customer Unusual', 'Customer Usual Again']);
  for (const novelty of [0.9, 0.5, 0.95, 0.35, 0.7]) {
    await becomes(one, strange, novelty);
    await untilRead(one, strange, novelty);
  }
  expect(await read(one, strange)).toMatchObject({ novelty: 0.7, since: expect.any(String) });
  expect(await names(one)).toEqual([strange]);
  await becomes(one, strange, 0.1);
  await becomes(one, ordinary, 0.39);
  await untilRead(one, ordinary, 0.39);
  await untilRead(one, strange, 0.1);
  expect(await read(one, strange)).toMatchObject({ since: undefined });
  expect(await names(one)).toEqual([]);
  const calls = await receiver.untilAccepted(2);
  expect(heard(calls)).toEqual([`Customer Unusual: user-${strange}`, `Customer Usual Again: user-${strange}`]);
  const taken = await changes(one, 2);
  expect(told(taken)).toEqual([[strange, true, 'UNUSUAL_CAUSE_READING'], [strange, false, 'UNUSUAL_CAUSE_READING']]);
  expect(taken[0]).toMatchObject({ novelty: 0.9, threshold: 0.4 });
  expect(calls[0]?.event).toMatchObject({
    type: 'track', messageId: calls[0]?.id,
    properties: { customer_id: Buffer.from(`Customer:${strange}`).toString('base64url'), novelty: 0.9, threshold: 0.4, cause: 'READING', cursor: taken[0]?.cursor },
  });
  expect(receiver.forged).toEqual([]);
});

test('a webhook tells of what it was asked for, moves and alerts of a customer in the order in which they happened', async () => {
  const one = await shop(1);
  const [customer = ''] = one.customers;
  const [usual, ends, everything] = [await receiverOf(one, []), await receiverOf(one, ['Customer Usual Again']), await receiverOf(one, ['Segment Entered', 'Customer Unusual', 'Customer Usual Again'])];
  await house.track(one.workspace.id, [1, 2].map((at) => ({ customerId: customer, name: 'Order Completed', at: Date.now() - DAY + at, properties: { novelty: 0.8 } })));
  await untilRead(one, customer, 0.8);
  await becomes(one, customer, 0.2);
  expect(heard(await everything.untilAccepted(3)).toSorted()).toEqual([`Customer Unusual: user-${customer}`, `Customer Usual Again: user-${customer}`, `Segment Entered: user-${customer}`]);
  expect(heard(everything.accepted).at(-1)).toBe(`Customer Usual Again: user-${customer}`);
  expect(heard(await ends.untilAccepted(1))).toEqual([`Customer Usual Again: user-${customer}`]);
  expect(heard(await usual.untilAccepted(2))).toEqual([`Segment Exited: user-${customer}`, `Segment Entered: user-${customer}`]);
  await expect(receiverOf(one, ['Customer Vanished'])).rejects.toMatchObject({ reason: 'EVENT_UNKNOWN', message: expect.stringContaining('Customer Usual Again') });
});

test('a consumer that was away goes on from its cursor, and one may follow a single customer', async () => {
  const two = await shop(2);
  const [one = '', other = ''] = two.customers;
  for (const [customer, novelty] of [[one, 0.9], [other, 0.8], [one, 0.1]] as const) {
    await becomes(two, customer, novelty);
    await untilRead(two, customer, novelty);
  }
  const [first] = await changes(two, 1);
  const away = changes(two, 3, { after: first?.cursor ?? '' });
  await becomes(two, other, 0.1);
  expect((await away).map(({ customerId, isUnusual }) => [customerId, isUnusual])).toEqual([[other, true], [one, false], [other, false]]);
  expect((await changes(two, 2, { customerId: other })).map(({ customerId, isUnusual }) => [customerId, isUnusual])).toEqual([[other, true], [other, false]]);
});

test('the list agrees with its count on every page, the latest first', async () => {
  const many = await shop(7);
  for (const customer of many.customers) {
    await becomes(many, customer, 0.8);
    await untilRead(many, customer, 0.8);
  }
  const pages: string[] = [];
  for (let after = ''; ; ) {
    const { customers, pageInfo } = await listed(many, 3, after);
    expect(pageInfo?.totalCount).toBe(7);
    pages.push(...customers.map(({ customerId }) => customerId));
    if (!pageInfo?.hasNextPage) break;
    after = pageInfo.endCursor;
  }
  expect(pages).toEqual(many.customers.toReversed());
  expect((await listed(await shop(1))).pageInfo).toMatchObject({ totalCount: 0, hasNextPage: false });
});

test('a new model tells nobody of whom it finds unusual, and of those who were told of that it is over', async () => {
  const three = await shop(3);
  const [over = '', stays = '', silent = ''] = three.customers;
  for (const [customer, novelty] of [[over, 0.5], [stays, 0.9], [silent, 0.35]] as const) {
    await becomes(three, customer, novelty);
    await untilRead(three, customer, novelty);
  }
  const since = (await read(three, stays))?.since;
  const next = model();
  await house.prepare(replica, three.workspace, next, { ordinaryNovelty: { ...ORDINARY, customers: { ...REACH, novelty: [0.1, 0.3, 0.6] } } });
  // Another model reads people otherwise.
  await house.owner.query(`update serving.customer_states set novelty = 0.1 where workspace_id = $1 and model_id = $2 and customer_id = $3`, [three.workspace.id, next.id, over]);
  await replica.activation.activate({ modelId: next.id, fence: 2 }, three.workspace.service);
  expect((await listed(three)).customers.map(({ customerId, told: wasTold }) => [customerId, wasTold]).toSorted()).toEqual([[silent, false], [stays, true]].toSorted());
  expect((await read(three, stays))?.since).toBe(since);
  for (const customer of [silent, stays]) {
    await becomes(three, customer, 0.1);
    await untilRead(three, customer, 0.1);
  }
  expect(told(await changes(three, 4))).toEqual([
    [over, true, 'UNUSUAL_CAUSE_READING'], [stays, true, 'UNUSUAL_CAUSE_READING'], [over, false, 'UNUSUAL_CAUSE_PROMOTION'], [stays, false, 'UNUSUAL_CAUSE_READING'],
  ]);
  expect(await names(three)).toEqual([]);
});

test('a workspace says what is unusual instead of the model, and takes it back', async () => {
  const two = await shop(2);
  const { workspace, customers: [one = '', other = ''] } = two;
  const set = (request: Partial<unusual.SetNoveltyThresholdRequest>) => replica.unusual.setNoveltyThreshold({ quantile: undefined, threshold: undefined, ...request }, workspace.admin);
  expect(await replica.unusual.getNoveltyThresholds({}, workspace.call)).toMatchObject({
    customers: { threshold: 0.4, quantile: 0.99, overridden: false }, events: { threshold: 0.3, quantile: 0.99, overridden: false }, measured: { customers: { measuredOn: 900 } },
  });
  await becomes(two, one, 0.3);
  await untilRead(two, one, 0.3);
  await becomes(two, other, 0.65);
  await untilRead(two, other, 0.65);
  expect((await set({ quantile: 0.999 })).thresholds).toMatchObject({ customers: { threshold: 0.6, quantile: 0.999, overridden: true }, events: { threshold: 0.5, overridden: true } });
  expect(await names(two)).toEqual([other]);
  expect((await set({ threshold: 0.25 })).thresholds).toMatchObject({ customers: { threshold: 0.25, overridden: true }, events: { threshold: 0.3, overridden: false } });
  expect((await listed(two)).customers.map(({ customerId, told: wasTold }) => [customerId, wasTold]).toSorted()).toEqual([[one, false], [other, true]].toSorted());
  expect((await set({ threshold: 0.32 })).thresholds?.customers?.threshold).toBe(0.32);
  expect(await names(two)).toEqual([other]);
  expect((await set({ threshold: 0.9 })).thresholds?.customers?.quantile).toBeCloseTo(0.999);
  expect(await names(two)).toEqual([]);
  expect((await set({})).thresholds?.customers).toMatchObject({ threshold: 0.4, overridden: false });
  expect(await names(two)).toEqual([other]);
  expect(told(await changes(two, 2))).toEqual([[other, true, 'UNUSUAL_CAUSE_READING'], [other, false, 'UNUSUAL_CAUSE_THRESHOLD']]);
});

test.each([
  ['a share of everybody', { quantile: 1 }, 'quantile', /0\.5 to 0\.9999; 1 is not/],
  ['a percentage', { quantile: 99.5 }, 'quantile', /0\.995/],
  ['no number', { quantile: Number.NaN }, 'quantile', /NaN is not/],
  ['a novelty that nobody can reach', { threshold: 1.5 }, 'threshold', /at most 1/],
  ['everyone', { threshold: 0 }, 'threshold', /above 0/],
  ['both at once', { quantile: 0.99, threshold: 0.4 }, 'threshold', /not both/],
])('%s is refused with what to give instead', async (_what, request, field, message) => {
  const { workspace } = await shop(1);
  const refused = replica.unusual.setNoveltyThreshold({ quantile: undefined, threshold: undefined, ...request }, workspace.admin);
  await expect(refused).rejects.toMatchObject({ reason: 'THRESHOLD_INVALID', metadata: { field }, message: expect.stringMatching(message) });
});

test('only an admin sets it', async () => {
  const { workspace } = await shop(1);
  await expect(replica.unusual.setNoveltyThreshold({ quantile: 0.9, threshold: undefined }, workspace.call)).rejects.toMatchObject({ reason: 'FORBIDDEN' });
});

test('a model from before it was measured has nobody unusual, unless the workspace says from where on', async () => {
  const one = await shop(1, { customers: undefined, events: undefined });
  const [customer = ''] = one.customers;
  await becomes(one, customer, 1);
  await untilRead(one, customer, 1);
  expect(await names(one)).toEqual([]);
  expect((await replica.unusual.getNoveltyThresholds({}, one.workspace.call)).customers).toBeUndefined();
  await expect(replica.unusual.setNoveltyThreshold({ quantile: 0.99, threshold: undefined }, one.workspace.admin)).rejects.toMatchObject({ reason: 'NOT_MEASURED' });
  await replica.unusual.setNoveltyThreshold({ quantile: undefined, threshold: 0.9 }, one.workspace.admin);
  expect(await names(one)).toEqual([customer]);
});

test('who is forgotten is unusual no more, and nothing of it is left', async () => {
  const two = await shop(2);
  const [gone = '', stays = ''] = two.customers;
  for (const customer of two.customers) {
    await becomes(two, customer, 0.9);
    await untilRead(two, customer, 0.9);
  }
  const forgettings = connect(forgetting.ForgettingServiceService, replica.address);
  const { tables } = await forgettings.forgetCustomers({ customerIds: [gone] }, two.workspace.service);
  forgettings.close();
  expect(tables).toEqual(expect.arrayContaining([{ table: 'serving.unusual_customers', rows: 1 }, { table: 'serving.unusual_changes', rows: 1 }]));
  expect(await names(two)).toEqual([stays]);
  expect(told(await changes(two, 1))).toEqual([[stays, true, 'UNUSUAL_CAUSE_READING']]);
});

test('another workspace sees nothing of it, and its database role neither', async () => {
  const [one, other] = [await shop(1), await shop(1)];
  await becomes(one, one.customers[0] ?? '', 0.9);
  await untilRead(one, one.customers[0] ?? '', 0.9);
  expect(await names(other)).toEqual([]);
  expect((await read(other, one.customers[0] ?? ''))?.novelty).toBeUndefined();
  const { rows } = await house.owner.query<{ name: string; isForced: boolean }>(
    `select relname as name, relforcerowsecurity as "isForced" from pg_class where oid = any($1::regclass[]) order by 1`,
    [['serving.novelty_settings', 'serving.unusual_changes', 'serving.unusual_customers']],
  );
  expect(rows.map(({ isForced }) => isForced)).toEqual([true, true, true]);
});
