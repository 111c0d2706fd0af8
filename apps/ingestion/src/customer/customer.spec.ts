import { jest } from '@jest/globals';
import { Client } from 'pg';

import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

let count = 0;
const send = async (...events: object[]) => {
  const encoded = events.map((event) => Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', messageId: `m${count++}`, ...event })));
  return kindred.events.trackEvents({ events: encoded, sentAt: undefined }, call);
};
const user = async (userId: string) =>
  (await kindred.customers.resolveCustomer({ key: { $case: 'userId', value: userId } }, call)).customer;
const visitor = async (anonymousId: string) =>
  (await kindred.customers.resolveCustomer({ key: { $case: 'anonymousId', value: anonymousId } }, call)).customer;
const eventsOf = async (customerIds: string[], page = { first: 2, after: '' }, withTotal = true) =>
  (await kindred.events.listEventsOfCustomers({ customerIds, page, withTotal }, call)).customers;

test('a visitor who is later seen with a user id becomes that user, with all that happened before', async () => {
  await send({ anonymousId: 'v1', timestamp: '2026-01-01T00:00:00Z' });
  const before = await visitor('v1');
  await send({ anonymousId: 'v1', userId: 'u1', timestamp: '2026-01-02T00:00:00Z' });
  const after = await user('u1');
  expect(after).toMatchObject({ userId: 'u1', anonymousIds: ['v1'], eventCount: 2, firstSeenAt: '2026-01-01T00:00:00.000Z' });
  expect((await visitor('v1'))?.id).toBe(after?.id);
  const { customers } = await kindred.customers.getCustomers({ ids: [before?.id ?? '', 'no id'], unmerged: false }, call);
  expect(customers).toMatchObject([{ requestedId: before?.id, customer: { id: after?.id } }]);
  const themselves = await kindred.customers.getCustomers({ ids: [before?.id ?? '', after?.id ?? '', 'no id', WORKSPACE], unmerged: true }, call);
  expect(themselves.customers.toSorted((one, other) => (one.requestedId < other.requestedId ? -1 : 1))).toEqual([
    { requestedId: before?.id, customer: { ...before, anonymousIds: ['v1'], userId: '' } }, { requestedId: after?.id, customer: after },
  ]);
  const [newest] = await eventsOf([before?.id ?? ''], { first: 1, after: '' });
  expect(newest?.pageInfo).toMatchObject({ totalCount: 2, hasNextPage: true });
  expect(newest?.events.map(({ occurredAt }) => occurredAt)).toEqual(['2026-01-02T00:00:00.000Z']);
  const [rest] = await eventsOf([after?.id ?? ''], { first: 5, after: newest?.pageInfo?.endCursor ?? '' });
  expect(rest?.events.map(({ occurredAt }) => occurredAt)).toEqual(['2026-01-01T00:00:00.000Z']);
});

test('events of several customers are those of each of them, for as many statements as those of one', async () => {
  await send(...[1, 2, 3].flatMap((day) => ['many-1', 'many-2'].map((userId) => ({ userId, timestamp: `2026-01-0${day}T00:00:00Z` }))), { anonymousId: 'many-v', timestamp: '2026-01-04T00:00:00Z' });
  const [one = '', two = '', merged = ''] = [(await user('many-1'))?.id, (await user('many-2'))?.id, (await visitor('many-v'))?.id];
  await send({ anonymousId: 'many-v', userId: 'many-1', timestamp: '2026-01-05T00:00:00Z' });
  const stranger = '018f0000-0000-7000-8000-0000000000ff';
  const [ofTwo, ofMerged, ofOne] = await eventsOf([two, stranger, merged, 'no id', one]);
  expect([ofTwo, ofMerged, ofOne]).toEqual((await Promise.all([two, merged, one].map((id) => eventsOf([id])))).flat());
  expect([ofTwo?.pageInfo?.totalCount, ofOne?.pageInfo?.totalCount]).toEqual([3, 5]);
  expect(ofMerged?.events).toEqual(ofOne?.events);
  const [uncounted] = await eventsOf([one], { first: 2, after: ofOne?.pageInfo?.endCursor ?? '' }, false);
  expect([uncounted?.events.length, uncounted?.pageInfo?.hasNextPage, uncounted?.pageInfo?.totalCount]).toEqual([2, true, 0]);
  await expect(eventsOf([one, two], { first: 500, after: 'nonsense' })).rejects.toMatchObject({ reason: 'CURSOR_INVALID' });
  await expect(eventsOf(Array.from({ length: 101 }, () => one), { first: 100, after: '' })).rejects.toMatchObject({ reason: 'PAGE_TOO_LARGE' });
  const statements = async (customerIds: string[], withTotal: boolean) => {
    const spy = jest.spyOn(Client.prototype, 'query');
    await eventsOf(customerIds, undefined, withTotal);
    const texts = spy.mock.calls.map(([query]) => (typeof query === 'string' ? query : '')).filter((text) => /^\s*(select|with)/i.test(text));
    spy.mockRestore();
    return texts.length;
  };
  for (const withTotal of [false, true]) expect(await statements([one, two, merged], withTotal)).toBe(await statements([two], withTotal));
  expect(await statements([one, two], true)).toBe((await statements([one, two], false)) + 1);
});

test('a device that two users share joins nobody: it stays with the first', async () => {
  await send({ anonymousId: 'kiosk', userId: 'first' }, { anonymousId: 'kiosk', userId: 'second' });
  await send({ anonymousId: 'kiosk', userId: 'second' });
  const [first, second] = [await user('first'), await user('second')];
  expect(first?.id).not.toBe(second?.id);
  expect((await visitor('kiosk'))?.id).toBe(first?.id);
  expect(second?.eventCount).toBe(2);
});

test('alias joins a former user id, an unseen id, and chains within one batch', async () => {
  await send({ userId: 'old' }, { userId: 'older' });
  await send(
    { type: 'alias', previousId: 'older', userId: 'old' },
    { type: 'alias', previousId: 'old', userId: 'new' },
    { type: 'alias', previousId: 'device', userId: 'new' },
  );
  const joined = await user('new');
  expect((await user('older'))?.id).toBe(joined?.id);
  expect((await visitor('device'))?.id).toBe(joined?.id);
  const { rows } = await kindred.sql.query("SELECT cause FROM ingestion.customer_merges WHERE workspace_id = $1 AND cause = 'ALIAS'", [WORKSPACE]);
  expect(rows).toHaveLength(3);
});

test('attributes are the latest by their own time, however they arrive', async () => {
  await send({ type: 'identify', userId: 'i1', traits: { plan: 'pro', city: 'Bath' }, timestamp: '2026-02-02T00:00:00Z' });
  await send({ type: 'identify', userId: 'i1', traits: { plan: 'free', age: 7 }, timestamp: '2026-02-01T00:00:00Z' });
  expect(JSON.parse((await user('i1'))?.attributes ?? '')).toEqual({ plan: 'pro', city: 'Bath', age: 7 });
});

test('customers are listed in order of id, page by page, and found by the beginning of their user id', async () => {
  await send(...Array.from({ length: 7 }, (_, at) => ({ userId: `list-${at}` })));
  const ids: string[] = [];
  let after = '';
  do {
    const { customers, pageInfo } = await kindred.customers.listCustomers({ page: { first: 3, after }, search: 'list-' }, call);
    expect(pageInfo?.totalCount).toBe(7);
    ids.push(...customers.map(({ id }) => id));
    after = pageInfo?.hasNextPage ? pageInfo.endCursor : '';
  } while (after);
  expect(ids).toHaveLength(7);
  expect(ids).toEqual([...ids].sort());
  expect(await kindred.customers.listCustomers({ page: undefined, search: 'list-\0' }, call)).toMatchObject({ customers: [], pageInfo: { totalCount: 0, hasNextPage: false } });
  await expect(kindred.customers.listCustomers({ page: { first: 501, after: '' }, search: '' }, call)).rejects.toMatchObject({ reason: 'PAGE_TOO_LARGE' });
});

test('the feed of mappings says which subjects went from one customer to another', async () => {
  await send({ anonymousId: 'v2' });
  const from = await visitor('v2');
  await send({ anonymousId: 'v2', userId: 'u2' });
  const reader = new Client({ connectionString: kindred.platform.databaseUrl, options: '-c role=kindred_serving' });
  await reader.connect();
  try {
    await reader.query('BEGIN');
    await reader.query("SELECT set_config('app.workspace', $1, true)", [WORKSPACE]);
    const { rows } = await reader.query('SELECT into_customer_id FROM ingestion.mapping_feed_v1 WHERE from_customer_id = $1', [from?.id]);
    expect(rows).toEqual([{ into_customer_id: (await user('u2'))?.id }]);
  } finally {
    await reader.end();
  }
});
