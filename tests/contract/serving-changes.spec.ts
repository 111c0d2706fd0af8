import type { serving } from '#libs/contracts';

import { model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const DAY = 86_400_000;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '300' });
});
afterAll(() => house.close());

async function served(count: number): Promise<{ workspace: TestWorkspace; customers: string[] }> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY })));
  const first = model();
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  return { workspace, customers };
}

const toMany = (workspace: TestWorkspace, customerId: string) =>
  house.track(workspace.id, [1, 2].map((index) => ({ customerId, name: 'Order Completed', at: Date.now() - DAY + index })));

/** Follows changes until `count` of them came; then goes away. */
async function take(
  workspace: TestWorkspace,
  count: number,
  request: Partial<serving.WatchMembershipChangesRequest> = {},
  from = replica,
): Promise<serving.MembershipChange[]> {
  const abort = new AbortController();
  const taken: serving.MembershipChange[] = [];
  const stream = from.memberships.watchMembershipChanges({ customerId: '', segmentId: '', after: '', ...request }, { ...workspace.call, signal: abort.signal });
  for await (const { change } of stream) {
    if (change) taken.push(change);
    if (taken.length === count) break;
  }
  abort.abort();
  return taken;
}

const history = async (workspace: TestWorkspace, change: Partial<serving.ListMembershipChangesRequest> = {}) =>
  (await replica.memberships.listMembershipChanges({ customerId: '', segmentId: '', page: { first: 500, after: '' }, ...change }, workspace.call));

test('a consumer that was away goes on from its cursor without a gap and without a repetition', async () => {
  const { workspace, customers } = await served(6);
  const { changes: promoted } = await history(workspace);
  const before = promoted[0]?.cursor ?? '';
  for (const customer of customers.slice(0, 3)) await toMany(workspace, customer);
  const first = await take(workspace, 2, { after: before });
  for (const customer of customers.slice(3)) await toMany(workspace, customer);
  const rest = await take(workspace, 4, { after: first.at(-1)?.cursor ?? '' });
  const seen = [...first, ...rest];
  expect(seen.map(({ customerId }) => customerId).toSorted()).toEqual(customers);
  expect((await history(workspace)).changes.slice(0, 6).toReversed()).toEqual(seen);
  expect(seen.every(({ byPromotion }) => !byPromotion)).toBe(true);
});

test('without a cursor it begins now, and each change comes as it commits', async () => {
  const { workspace, customers } = await served(20);
  const state: { seen?: serving.MembershipChange | undefined } = {};
  const watching = take(workspace, 1).then(([change]) => (state.seen = change));
  // Nobody tells when the stream has begun: customers move one by one until it tells of one.
  for (const customer of customers) {
    await toMany(workspace, customer);
    await until(async () => (await history(workspace, { customerId: customer })).pageInfo?.totalCount, (total) => total === 2);
    if (state.seen) break;
  }
  expect(await watching).toMatchObject({ byPromotion: false });
});

test('a promotion tells everyone who moved by it, and a filter tells only what was asked for', async () => {
  const { workspace, customers } = await served(4);
  const [one = '', two = ''] = customers;
  const { changes, pageInfo } = await history(workspace);
  expect(pageInfo?.totalCount).toBe(4);
  expect(changes.every(({ byPromotion, fromSegmentId }) => byPromotion && fromSegmentId === '')).toBe(true);
  await toMany(workspace, one);
  await toMany(workspace, two);
  await until(async () => (await history(workspace)).pageInfo?.totalCount, (total) => total === 6);
  expect((await history(workspace, { customerId: one })).changes.map(({ customerId }) => customerId)).toEqual([one, one]);
  const { toSegmentId: many = '' } = (await history(workspace, { customerId: two })).changes[0] ?? {};
  expect((await history(workspace, { segmentId: many })).changes.map(({ customerId }) => customerId)).toEqual([two, one]);
  expect(await take(workspace, 2, { segmentId: many, after: changes[0]?.cursor ?? '' })).toHaveLength(2);
});

test('pages of changes join up, newest first', async () => {
  const { workspace } = await served(7);
  const cursors: string[] = [];
  for (let after = ''; ; ) {
    const { changes, pageInfo } = await history(workspace, { page: { first: 3, after } });
    cursors.push(...changes.map(({ cursor }) => cursor));
    if (!pageInfo?.hasNextPage) break;
    after = pageInfo.endCursor;
  }
  expect(new Set(cursors).size).toBe(7);
});

test('pages of several customers are those of each of them, and counted where that is asked for', async () => {
  const { workspace, customers } = await served(3);
  const [one = '', two = ''] = customers;
  for (const moves of [2, 3]) {
    await toMany(workspace, one);
    await until(async () => (await history(workspace, { customerId: one })).pageInfo?.totalCount, (total) => (total ?? 0) >= moves - 1);
  }
  const pages = async (customerIds: string[], page: { first: number; after: string }, withTotal = true) =>
    (await replica.memberships.listChangesOfCustomers({ customerIds, page, withTotal }, workspace.call)).customers;
  for (const first of [1, 2, 9]) {
    const alone = await Promise.all([two, one].map((customerId) => history(workspace, { customerId, page: { first, after: '' } })));
    expect(await pages([two, one], { first, after: '' })).toEqual([two, one].map((customerId, at) => ({ customerId, ...alone[at] })));
  }
  const [cut] = await pages([one], { first: 1, after: '' }, false);
  expect(cut?.pageInfo).toMatchObject({ hasNextPage: true, totalCount: 0 });
  const [rest] = await pages([one], { first: 9, after: cut?.pageInfo?.endCursor ?? '' });
  expect([...(cut?.changes ?? []), ...(rest?.changes ?? [])]).toEqual((await history(workspace, { customerId: one })).changes);
  const [stranger, mixed, again] = await pages(['no id', one.toUpperCase(), one], { first: 1, after: '' });
  expect([stranger?.changes, mixed?.changes, again?.changes]).toEqual([[], cut?.changes, cut?.changes]);
  await expect(pages([one], { first: 1, after: 'nonsense' })).rejects.toMatchObject({ reason: 'CURSOR_INVALID' });
  const other = await served(1);
  expect((await replica.memberships.listChangesOfCustomers({ customerIds: [one], page: undefined, withTotal: true }, other.workspace.call)).customers[0]).toMatchObject({ changes: [], pageInfo: { totalCount: 0 } });
});

test('a cursor that was not made here is refused', async () => {
  const { workspace } = await served(1);
  await expect(take(workspace, 1, { after: 'nonsense' })).rejects.toMatchObject({ reason: 'CURSOR_INVALID' });
});

const cursorOf = (place: readonly unknown[]) => Buffer.from(JSON.stringify(place)).toString('base64url');
/** The feeds, each as it is followed from a cursor on. */
const feedsFrom = (workspace: TestWorkspace, after: string): Record<string, (signal: AbortSignal) => AsyncIterable<{ beginsAfter: string }>> => ({
  membershipChanged: (signal) => replica.memberships.watchMembershipChanges({ customerId: '', segmentId: '', after }, { ...workspace.call, signal }),
  customerUnusual: (signal) => replica.unusual.watchUnusualCustomers({ customerId: '', after }, { ...workspace.call, signal }),
  eventUnusual: (signal) => replica.unusualEvents.watchUnusualEvents({ after }, { ...workspace.call, signal }),
});

test('a cursor of another feed is refused with which one it is of', async () => {
  const { workspace } = await served(1);
  for (const [name, begin] of Object.entries(feedsFrom(workspace, ''))) {
    const cursor = await beginningOf(begin);
    for (const [other, beginOther] of Object.entries(feedsFrom(workspace, cursor))) {
      if (other === name) expect(await beginningOf(beginOther)).toBe(cursor);
      else await expect(beginningOf(beginOther)).rejects.toMatchObject({ reason: 'CURSOR_INVALID', message: expect.stringContaining(`is of ${name}. Give the last one that ${other} told`) });
    }
  }
});

test('a cursor beyond all that was committed is refused, where nothing would ever be told', async () => {
  const { workspace } = await served(1);
  for (const name of ['membershipChanged', 'customerUnusual', 'eventUnusual']) {
    for (const beyond of [[Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER], [name, Number.MAX_SAFE_INTEGER, 0]]) {
      const begun = feedsFrom(workspace, cursorOf(beyond))[name];
      await expect(beginningOf((signal) => begun?.(signal) ?? [] as never)).rejects.toMatchObject({ reason: 'CURSOR_INVALID', message: expect.stringContaining('beyond all that was ever committed') });
    }
  }
});

test('a cursor from before cursors said which feed they are of goes on, and so does one whose change was erased since', async () => {
  const { workspace, customers: [customer = ''] } = await served(1);
  const { changes: [newest] } = await history(workspace);
  const [, xid, sequence] = JSON.parse(Buffer.from(newest?.cursor ?? '', 'base64url').toString()) as [string, number, number];
  await house.owner.query('delete from serving.membership_changes where workspace_id = $1', [workspace.id]);
  await toMany(workspace, customer);
  for (const after of [newest?.cursor ?? '', cursorOf([xid, sequence])]) expect(await take(workspace, 1, { after })).toMatchObject([{ customerId: customer }]);
});

test('another replica tells its watchers too', async () => {
  const other = await house.start({ FEED_POLL_MS: '300' });
  const { workspace, customers } = await served(1);
  const [customer = ''] = customers;
  const after = (await history(workspace)).changes[0]?.cursor ?? '';
  const watching = take(workspace, 1, { after }, other);
  await toMany(workspace, customer);
  expect(await watching).toMatchObject([{ customerId: customer }]);
  await other.stop();
});

test('a stream says first where it begins, so that whoever is cut off before anything came misses nothing', async () => {
  const { workspace, customers: [customer = ''] } = await served(1);
  const signed = (signal: AbortSignal) => ({ ...workspace.call, signal });
  const [begun, ...others] = await Promise.all([
    beginningOf((signal) => replica.memberships.watchMembershipChanges({ customerId: '', segmentId: '', after: '' }, signed(signal))),
    beginningOf((signal) => replica.unusual.watchUnusualCustomers({ customerId: '', after: '' }, signed(signal))),
    beginningOf((signal) => replica.unusualEvents.watchUnusualEvents({ after: '' }, signed(signal))),
  ]);
  expect(others).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)]);
  await toMany(workspace, customer);
  await house.untilShown(workspace.id);
  expect(await take(workspace, 1, { after: begun })).toMatchObject([{ customerId: customer }]);
});

async function beginningOf(open: (signal: AbortSignal) => AsyncIterable<{ beginsAfter: string }>): Promise<string> {
  const abort = new AbortController();
  try {
    for await (const { beginsAfter } of open(abort.signal)) return beginsAfter;
    throw new Error('The stream ended without a response.');
  } finally {
    abort.abort();
  }
}

test('a stop ends the streams that are open, and does not wait for their consumers', async () => {
  const other = await house.start();
  const { workspace } = await served(1);
  const stream = other.memberships.watchMembershipChanges({ customerId: '', segmentId: '', after: '' }, workspace.call);
  const ended = (async () => {
    for await (const _ of stream);
    return 'ended';
  })().catch(() => 'broken');
  await other.stop();
  expect(['ended', 'broken']).toContain(await ended);
});
