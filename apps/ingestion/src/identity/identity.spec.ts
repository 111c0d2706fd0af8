import { jest } from '@jest/globals';
import { Client } from 'pg';

import { identity, ingestion } from '#libs/contracts';

import { type IngestionUnderTest, startIngestion, WORKSPACE } from '../testing/ingestion-under-test.js';

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion({ IDENTITY_MAX_SUBJECTS: '12', IDENTITY_MAX_MERGES_PER_DAY: '8' });
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

let count = 0;
const send = async (...events: object[]) => {
  const encoded = events.map((event) => Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', messageId: `i${count++}`, ...event })));
  return (await kindred.events.trackEvents({ events: encoded, sentAt: undefined }, call)).results;
};
const user = async (userId: string) => (await kindred.customers.resolveCustomer({ key: { $case: 'userId', value: userId } }, call)).customer;
const visitor = async (anonymousId: string) => (await kindred.customers.resolveCustomer({ key: { $case: 'anonymousId', value: anonymousId } }, call)).customer;
const history = async (customerId = '') => {
  const { customers: [found] } = await kindred.identity.listMergesOfCustomers({ customerIds: [customerId], page: undefined, withTotal: false }, call);
  return found?.merges ?? [];
};

test('a merge says what caused it, and undone it brings both back as they were, for good', async () => {
  await send({ anonymousId: 'd1', timestamp: '2026-01-01T00:00:00Z' }, { userId: 'u1', timestamp: '2026-01-02T00:00:00Z' });
  const [device, person] = [await visitor('d1'), await user('u1')];
  await send({ anonymousId: 'd1', userId: 'u1', event: 'Signed In', timestamp: '2026-01-03T00:00:00Z' });
  const stored = () => kindred.sql.query('SELECT * FROM ingestion.events WHERE workspace_id = $1 ORDER BY horizon, sequence', [WORKSPACE]);
  const events = await stored();

  const [merge] = await history(person?.id);
  expect(merge).toMatchObject({
    cause: identity.MergeCause.SEEN_TOGETHER, from: { anonymousId: 'd1' }, into: { userId: 'u1' }, fromCustomerId: device?.id, intoCustomerId: person?.id,
    event: { name: 'Signed In' }, occurredAt: '2026-01-03T00:00:00.000Z', undoneAt: undefined,
  });
  const undone = await kindred.identity.undoMerge({ id: merge?.id ?? '' }, call);
  expect(undone.customerIds).toEqual([device?.id, person?.id]);
  expect(undone.merge).toMatchObject({ undoneBy: 'key:test' });
  expect((await visitor('d1'))?.id).toBe(device?.id);
  expect([(await visitor('d1'))?.eventCount, (await user('u1'))?.eventCount]).toEqual([1, 2]);
  expect((await kindred.customers.getCustomers({ ids: [device?.id ?? ''], unmerged: false }, call)).customers[0]?.customer?.id).toBe(device?.id);

  await send({ anonymousId: 'd1', userId: 'u1' }, { type: 'alias', previousId: 'd1', userId: 'u1' });
  expect((await visitor('d1'))?.id).toBe(device?.id);
  expect((await stored()).rows.slice(0, events.rows.length)).toEqual(events.rows);
  expect(await history(device?.id)).toMatchObject([{ id: merge?.id, undoneBy: 'key:test' }]);
  await expect(kindred.identity.undoMerge({ id: merge?.id ?? '' }, call)).rejects.toMatchObject({ reason: 'MERGE_UNDONE' });
  await expect(kindred.identity.undoMerge({ id: WORKSPACE }, call)).rejects.toMatchObject({ reason: 'MERGE_UNKNOWN' });
});

test('what joined several customers is what joined each of them, for as many statements as for one', async () => {
  for (const device of ['h1', 'h2']) await send({ anonymousId: device, userId: 'h-one' });
  await send({ anonymousId: 'h3', userId: 'h-two' }, { userId: 'h-alone' });
  const [one = '', two = '', unmerged = ''] = [(await user('h-one'))?.id, (await user('h-two'))?.id, (await user('h-alone'))?.id];
  const pages = async (customerIds: string[], page = { first: 1, after: '' }, withTotal = true) =>
    (await kindred.identity.listMergesOfCustomers({ customerIds, page, withTotal }, call)).customers;
  const told = await pages([two, 'no id', unmerged, WORKSPACE, one]);
  expect(told).toEqual((await Promise.all([two, unmerged, one].map((id) => pages([id])))).flat());
  expect(told.map(({ merges, pageInfo }) => [merges.length, pageInfo?.totalCount])).toEqual([[1, 1], [0, 0], [1, 2]]);
  const [rest] = await pages([one], { first: 5, after: told.at(-1)?.pageInfo?.endCursor ?? '' }, false);
  expect([...(told.at(-1)?.merges ?? []), ...(rest?.merges ?? [])]).toEqual(await history(one));
  expect(rest?.pageInfo?.totalCount).toBe(0);
  const statements = async (customerIds: string[], withTotal: boolean) => {
    const spy = jest.spyOn(Client.prototype, 'query');
    await pages(customerIds, undefined, withTotal);
    const count = spy.mock.calls.filter(([query]) => typeof query === 'string' && /customer_id|merged_into/.test(query)).length;
    spy.mockRestore();
    return count;
  };
  for (const ids of [[one], [one, two, unmerged]]) expect([await statements(ids, false), await statements(ids, true)]).toEqual([2, 3]);
});

test('ids that were split do not come together by way of a third one either', async () => {
  await send({ anonymousId: 's1', userId: 's-user' });
  const [merge] = await history((await user('s-user'))?.id);
  await kindred.identity.undoMerge({ id: merge?.id ?? '' }, call);
  await send({ anonymousId: 's1', userId: 's-other' });
  await send({ type: 'alias', previousId: 's-other', userId: 's-user' });
  expect((await visitor('s1'))?.id).toBe((await user('s-other'))?.id);
  expect((await user('s-other'))?.id).not.toBe((await user('s-user'))?.id);
});

test('undoing one meeting leaves with each side what met it, whatever was merged later', async () => {
  await send({ userId: 'l-new' }, { anonymousId: 'l1', userId: 'l-old' });
  await send({ type: 'alias', previousId: 'l-old', userId: 'l-new' });
  await send({ anonymousId: 'l2', userId: 'l-old' }, { anonymousId: 'l3', userId: 'l-new' });
  const devices = async (userId: string) => (await user(userId))?.anonymousIds.toSorted();
  expect(await devices('l-new')).toEqual(['l1', 'l2', 'l3']);
  const alias = (await history((await user('l-new'))?.id)).find(({ cause }) => cause === identity.MergeCause.ALIAS);
  await kindred.identity.undoMerge({ id: alias?.id ?? '' }, call);
  expect(await devices('l-old')).toEqual(['l1', 'l2']);
  expect(await devices('l-new')).toEqual(['l3']);
});

test('both sides of an undoing are in the feed of mappings, which others rebuild their states by', async () => {
  await send({ anonymousId: 'f1' }, { userId: 'f-user' });
  await send({ anonymousId: 'f1', userId: 'f-user' });
  const person = await user('f-user');
  const [merge] = await history(person?.id);
  await kindred.identity.undoMerge({ id: merge?.id ?? '' }, call);
  await kindred.sql.query('BEGIN');
  await kindred.sql.query("SELECT set_config('app.workspace', $1, true)", [WORKSPACE]);
  const { rows } = await kindred.sql.query(
    'SELECT from_customer_id, into_customer_id FROM ingestion.mapping_feed_v1 WHERE from_customer_id = $1 OR into_customer_id = $1 ORDER BY horizon, sequence',
    [person?.id],
  );
  await kindred.sql.query('COMMIT');
  const device = (await visitor('f1'))?.id;
  expect(rows).toEqual([{ from_customer_id: device, into_customer_id: person?.id }, { from_customer_id: person?.id, into_customer_id: device }]);
});

test('a user id that a thousand devices carry takes in so many a day, so many in all, and their events stay theirs', async () => {
  const devices = (first: number, more: number, day: string) => Array.from({ length: more }, (_, at) => ({ anonymousId: `many-${first + at}`, userId: 'many', timestamp: `${day}T10:00:00Z` }));
  const size = async () => (await user('many'))?.anonymousIds.length;
  await send(...devices(0, 30, '2026-02-01'));
  expect(await size()).toBe(8);
  await send(...devices(100, 1, '2026-02-01'));
  expect(await size()).toBe(8);
  await send(...devices(200, 30, '2026-02-02'));
  expect(await size()).toBe(11);
  // Devices that were known before are held back as well.
  await send({ anonymousId: 'known-before' });
  await send({ anonymousId: 'known-before', userId: 'many', timestamp: '2026-02-03T10:00:00Z' }, { type: 'alias', previousId: 'never-seen', userId: 'many', timestamp: '2026-02-03T10:00:00Z' });
  expect(await size()).toBe(11);
  expect((await visitor('known-before'))?.id).not.toBe((await user('many'))?.id);
  expect((await user('many'))?.eventCount).toBe(63);
});

describe('an id that names nobody', () => {
  test('is left out where the event names somebody besides', async () => {
    await send({ anonymousId: 'b1', userId: 'null' }, { anonymousId: 'b2', userId: ' NULL ' }, { anonymousId: '0', userId: 'b-user' }, { anonymousId: 'b3', userId: -1 });
    expect((await visitor('b1'))?.id).not.toBe((await visitor('b2'))?.id);
    expect(await user('b-user')).toMatchObject({ anonymousIds: [], eventCount: 1 });
    await expect(user('null')).rejects.toMatchObject({ reason: 'CUSTOMER_UNKNOWN' });
    await send({ type: 'alias', previousId: 'undefined', userId: 'b-user' });
    expect(await user('b-user')).toMatchObject({ anonymousIds: [] });
  });

  test('is refused where nothing else says whom the event is of, whole and with a receipt', async () => {
    const results = await send({ userId: 'undefined', messageId: 'blocked', properties: { a: 1 } }, { userId: '00000000-0000-0000-0000-000000000000' }, { userId: 'b-next' });
    expect(results.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      [ingestion.EventOutcome.REJECTED, 'ID_BLOCKED'],
      [ingestion.EventOutcome.REJECTED, 'ID_BLOCKED'],
      [ingestion.EventOutcome.STORED, ''],
    ]);
    expect(results[0]?.detail).toContain('"userId" is "undefined"');
    const { receipt } = await kindred.events.getEventReceipt({ messageId: 'blocked' }, call);
    expect(receipt).toMatchObject({ outcome: ingestion.EventOutcome.REJECTED, reason: 'ID_BLOCKED' });
    const ledger = await kindred.events.getEventLedger({ from: undefined, to: undefined }, call);
    expect(ledger.received).toBe(ledger.stored + ledger.duplicate + ledger.rejected);
    expect(ledger.rejected).toBe(2);
  });

  test.each(['0000', '00000000000000000000000000000000', '000-000', '--'])('is also zeros and dashes alone, as %s', async (zeros) => {
    const [of, known] = await send({ userId: zeros }, { userId: zeros, anonymousId: `behind ${zeros}` });
    expect([of?.reason, known?.outcome]).toEqual(['ID_BLOCKED', ingestion.EventOutcome.STORED]);
    await kindred.identity.setBlockedId({ value: zeros, blocked: false }, call);
    expect((await send({ userId: zeros }))[0]?.reason).toBe('');
    expect((await kindred.identity.listBlockedIds({}, call)).ids).toContainEqual({ value: zeros, blocked: false, everywhere: true });
  });

  test('is the workspace’s to add and to let through', async () => {
    await kindred.identity.setBlockedId({ value: ' Kiosk-7 ', blocked: true }, call);
    await kindred.identity.setBlockedId({ value: '0', blocked: false }, call);
    const results = await send({ userId: 'kiosk-7' }, { userId: 0 });
    expect(results.map(({ reason }) => reason)).toEqual(['ID_BLOCKED', '']);
    const { ids } = await kindred.identity.listBlockedIds({}, call);
    expect(ids).toEqual(expect.arrayContaining([
      { value: 'kiosk-7', blocked: true, everywhere: false }, { value: '0', blocked: false, everywhere: true }, { value: 'null', blocked: true, everywhere: true },
    ]));
    await expect(kindred.identity.setBlockedId({ value: ' ', blocked: true }, call)).rejects.toMatchObject({ reason: 'ID_INVALID' });
  });
});
