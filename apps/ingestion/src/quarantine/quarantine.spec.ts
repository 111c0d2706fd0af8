import * as fc from 'fast-check';

import { PrincipalSigner } from '#libs/auth';
import { ingestion, quarantine, trackingPlan } from '#libs/contracts';

import { type IngestionUnderTest, OTHER_WORKSPACE, startIngestion, WORKSPACE, WRITE_KEY } from '../testing/ingestion-under-test.js';

const { OPEN, REPLAYED, DISCARDED } = ingestion.RejectedEventState;
const { STORED, DUPLICATE, STILL_REJECTED } = quarantine.ReplayOutcome;

let kindred: IngestionUnderTest;
let call: { principal: string };
beforeAll(async () => {
  kindred = await startIngestion();
  call = { principal: kindred.principal };
});
afterAll(() => kindred?.close());

const track = (messageId: string, more: object = {}) => ({ type: 'track', event: 'Seen', userId: 'u', messageId, timestamp: '2026-03-04T05:06:07Z', ...more });
const post = (path: string, body: object) => fetch(`${kindred.intake}${path}`, { method: 'POST', headers: { authorization: `Bearer ${WRITE_KEY}` }, body: JSON.stringify(body) });
const send = async (...batch: object[]) => expect((await post('/v1/batch', { batch })).status).toBe(200);
const idOf = async (messageId: string): Promise<string> =>
  (await kindred.sql.query('SELECT id FROM ingestion.rejected_events WHERE message_id = $1 ORDER BY id DESC LIMIT 1', [messageId])).rows[0].id as string;
const get = async (id: string) => (await kindred.quarantine.getRejectedEvent({ id }, call)).event;
const mend = async (id: string, payload: object) => (await kindred.quarantine.mendRejectedEvent({ id, payload: JSON.stringify(payload) }, call)).event;
const selected = (selection: Partial<quarantine.RejectedEventSelection>) => ({ ids: [], reason: '', source: '', ...selection });
const replay = async (selection: Partial<quarantine.RejectedEventSelection>, more: Partial<quarantine.ReplayRejectedEventsRequest> = {}) =>
  kindred.quarantine.replayRejectedEvents({ selection: selected(selection), first: 0, mapping: '', after: '', ...more }, call);
const discard = (selection: Partial<quarantine.RejectedEventSelection>, note = 'a test sent them') =>
  kindred.quarantine.discardRejectedEvents({ selection: selected(selection), first: 0, note }, call);
const stored = async (messageId: string) => (await kindred.sql.query('SELECT * FROM ingestion.events WHERE workspace_id = $1 AND message_id = $2', [WORKSPACE, messageId])).rows;

/** The ledger, and that it is what lies in the tables, for every source and moment. */
async function ledger() {
  const { received, stored: kept, duplicate, rejected } = await kindred.events.getEventLedger({ from: undefined, to: undefined }, call);
  expect(received).toBe(kept + duplicate + rejected);
  const count = async (from: string) => Number((await kindred.sql.query(`SELECT count(*) FROM ingestion.${from}`, [WORKSPACE])).rows[0].count);
  expect({ stored: kept, duplicate, rejected }).toEqual({
    stored: await count('events WHERE workspace_id = $1'),
    duplicate: await count('duplicate_events WHERE workspace_id = $1'),
    rejected: await count("rejected_events WHERE workspace_id = $1 AND unit = 'EVENT' AND state <> 'REPLAYED'"),
  });
  const { rows } = await kindred.sql.query(
    `SELECT source, received_at FROM ingestion.intake_batches WHERE workspace_id = $1 GROUP BY source, received_at HAVING sum(received) < 0 OR sum(rejected) < 0`, [WORKSPACE],
  );
  expect(rows).toEqual([]);
  return { received, stored: kept, duplicate, rejected };
}

test('what was refused is shown by reason and source, with one of each', async () => {
  await send(track('g1', { userId: null }), track('g2', { userId: null }), track('g3', { timestamp: 'yesterday' }), track('g4'));
  const { groups, totalCount } = await kindred.quarantine.listRejectedEventGroups({ state: OPEN, first: 0 }, call);
  expect(totalCount).toBe(2);
  expect(groups.map(({ reason, source, count }) => [reason, source, count])).toEqual([['ID_MISSING', 'http', 2], ['TIME_INVALID', 'http', 1]]);
  expect(groups[1]?.example).toMatchObject({ messageId: 'g3', state: OPEN, unit: ingestion.RejectedEventUnit.EVENT });
  expect(JSON.parse(groups[1]?.example?.payload ?? '')).toEqual(track('g3', { timestamp: 'yesterday' }));
  expect(await ledger()).toEqual({ received: 4, stored: 1, duplicate: 0, rejected: 3 });
});

test('a mended event is replayed, once, and keeps what it was', async () => {
  const id = await idOf('g3');
  expect(await mend(id, track('g3'))).toMatchObject({ state: OPEN, mendedPayload: JSON.stringify(track('g3')) });
  const first = await replay({ ids: [id] });
  expect(first.results).toEqual([{ id, outcome: STORED, changed: true, messageId: 'g3', reason: '', detail: '' }]);
  const again = await replay({ ids: [id, id] });
  expect(again.results.map(({ outcome, changed, messageId }) => [outcome, changed, messageId])).toEqual([[STORED, false, 'g3'], [STORED, false, 'g3']]);
  expect(await get(id)).toMatchObject({ state: REPLAYED, resolvedBy: 'key:test', reason: 'TIME_INVALID', payload: JSON.stringify(track('g3', { timestamp: 'yesterday' })) });
  expect(await stored('g3')).toHaveLength(1);
  expect(await ledger()).toEqual({ received: 4, stored: 2, duplicate: 0, rejected: 2 });
  expect((await kindred.events.getEventReceipt({ messageId: 'g3' }, call)).receipt).toMatchObject({ outcome: ingestion.EventOutcome.STORED, duplicates: 0 });
});

test('a mend that would be refused says why, and nothing is kept', async () => {
  const id = await idOf('g1');
  await expect(mend(id, track('g1', { userId: 'u', event: '' }))).rejects.toMatchObject({ reason: 'STILL_REJECTED', metadata: { reason: 'NAME_MISSING' }, message: expect.stringContaining('event') as string });
  // Readable as an event, and yet of nobody.
  await expect(mend(id, track('g1', { userId: 'null' }))).rejects.toMatchObject({ reason: 'STILL_REJECTED', metadata: { reason: 'ID_BLOCKED' } });
  await expect(kindred.quarantine.mendRejectedEvent({ id, payload: '{' }, call)).rejects.toMatchObject({ reason: 'STILL_REJECTED', metadata: { reason: 'NOT_JSON' } });
  expect((await get(id))?.mendedPayload).toBe('');
  await expect(mend(await idOf('g3'), track('g3'))).rejects.toMatchObject({ reason: 'REJECTED_EVENT_RESOLVED', metadata: { state: 'REPLAYED' } });
});

test('what is still wrong stays open, with what is wrong now, and changes nothing', async () => {
  const { results } = await replay({ reason: 'ID_MISSING' });
  expect(results.map(({ outcome, reason, changed }) => [outcome, reason, changed])).toEqual([[STILL_REJECTED, 'ID_MISSING', false], [STILL_REJECTED, 'ID_MISSING', false]]);
  expect(await ledger()).toEqual({ received: 4, stored: 2, duplicate: 0, rejected: 2 });
});

test('what its sender mended and sent again is a duplicate of that, and counts as one', async () => {
  await send(track('d1', { event: '' }));
  await send(track('d1'));
  const id = await idOf('d1');
  await mend(id, track('d1'));
  expect((await replay({ ids: [id] })).results).toMatchObject([{ outcome: DUPLICATE, changed: true }]);
  expect((await replay({ ids: [id] })).results).toMatchObject([{ outcome: DUPLICATE, changed: false }]);
  expect(await ledger()).toEqual({ received: 6, stored: 3, duplicate: 1, rejected: 2 });
});

test('fifty replays at once store each event once', async () => {
  await send(...Array.from({ length: 10 }, (_, at) => track(`r${at}`, { properties: 'none' })));
  const ids: string[] = [];
  for (let at = 0; at < 10; at++) {
    ids.push(await idOf(`r${at}`));
    await mend(ids[at] ?? '', track(`r${at}`));
  }
  const before = await ledger();
  const calls = await Promise.all(Array.from({ length: 50 }, (_, at) => replay(at % 2 ? { ids: at % 3 ? ids : [...ids].reverse() } : { reason: 'PROPERTIES_INVALID', source: 'http' })));
  expect(calls.flatMap(({ results }) => results).filter(({ changed }) => changed)).toHaveLength(10);
  expect(calls.flatMap(({ results }) => results).every(({ outcome }) => outcome === STORED)).toBe(true);
  expect(await ledger()).toEqual({ ...before, stored: before.stored + 10, rejected: before.rejected - 10 });
});

test('an event without a message id is stored once however often it is replayed', async () => {
  await post('/v1/track', { event: 'Seen', userId: 'anon', timestamp: 'soon', writeKey: WRITE_KEY });
  const { groups } = await kindred.quarantine.listRejectedEventGroups({ state: OPEN, first: 0 }, call);
  const { id = '', payload = '' } = groups.find(({ reason }) => reason === 'TIME_INVALID')?.example ?? {};
  // The path's type is known though the payload does not say it; the key is not kept.
  expect(JSON.parse(payload)).toEqual({ event: 'Seen', userId: 'anon', timestamp: 'soon' });
  await mend(id, { event: 'Seen', userId: 'anon' });
  expect((await replay({ ids: [id] })).results).toMatchObject([{ outcome: STORED, messageId: id }]);
  await ledger();
});

test('the type that a person says holds over the one of the path', async () => {
  await post('/v1/track', { messageId: 'ty1', userId: 'typed', traits: { plan: 'pro' } });
  const id = await idOf('ty1');
  await mend(id, { type: 'identify', messageId: 'ty1', userId: 'typed', traits: { plan: 'pro' } });
  expect((await replay({ ids: [id] })).results).toMatchObject([{ outcome: STORED }]);
  expect(await stored('ty1')).toMatchObject([{ type: 'identify', properties: { plan: 'pro' } }]);
});

test('a replayed event is as it would have been had it not been refused: its arrival, its clock, its batch’s context', async () => {
  const sentAt = '2030-01-01T00:10:00Z';
  await post('/v1/batch', { batch: [track('c1', { timestamp: '2030-01-01T00:00:00Z', properties: 1 }), track('c2', { timestamp: '2030-01-01T00:00:00Z' })], sentAt, context: { library: { name: 'x' } } });
  const id = await idOf('c1');
  await mend(id, track('c1', { timestamp: '2030-01-01T00:00:00Z' }));
  await replay({ ids: [id] });
  const [[one], [other]] = [await stored('c1'), await stored('c2')];
  const seen = ({ occurred_at, received_at, sent_at, context }: Record<string, unknown>) => ({ occurred_at, received_at, sent_at, context });
  expect(seen(one)).toEqual(seen(other));
  expect(one.context).toEqual({ library: { name: 'x' } });
});

test('a selection is walked in bounded steps, past what stays refused', async () => {
  await send(...Array.from({ length: 5 }, (_, at) => track(`s${at}`, { event: at === 1 ? 'Seen' : '', userId: at === 1 ? { a: 1 } : 'u' })));
  const ids: string[] = [];
  for (const at of [0, 2, 3, 4]) ids.push(await idOf(`s${at}`));
  await mend(ids[3] ?? '', track('s4'));
  const one = await replay({ reason: 'NAME_MISSING' }, { first: 3 });
  expect(one.results.map(({ outcome }) => outcome)).toEqual([STILL_REJECTED, STILL_REJECTED, STILL_REJECTED]);
  const two = await replay({ reason: 'NAME_MISSING' }, { first: 3, after: one.endCursor });
  expect([two.results.map(({ id, outcome }) => [id, outcome]), two.endCursor]).toEqual([[[ids[3], STORED]], '']);
});

test('what is discarded stays, with who and why, and is never replayed', async () => {
  const id = await idOf('s0');
  expect(await discard({ ids: [id] })).toEqual({ discarded: 1, remaining: 0 });
  expect(await discard({ ids: [id] })).toEqual({ discarded: 0, remaining: 0 });
  expect(await get(id)).toMatchObject({ state: DISCARDED, note: 'a test sent them', resolvedBy: 'key:test' });
  expect((await replay({ ids: [id] })).results).toMatchObject([{ outcome: quarantine.ReplayOutcome.DISCARDED, changed: false }]);
  expect(await discard({ reason: 'NAME_MISSING' })).toEqual({ discarded: 2, remaining: 0 });
  const open = await kindred.events.listRejectedEvents({ page: undefined, reason: 'NAME_MISSING', source: 'http', state: OPEN }, call);
  expect(open.events).toEqual([]);
  await ledger();
});

test('unclear questions are refused, and an unknown id has its own answer', async () => {
  await expect(replay({})).rejects.toMatchObject({ reason: 'SELECTION_INVALID' });
  await expect(replay({ ids: ['x'] })).rejects.toMatchObject({ reason: 'SELECTION_INVALID' });
  await expect(replay({ ids: [WORKSPACE], reason: 'TOO_LARGE' })).rejects.toMatchObject({ reason: 'SELECTION_INVALID' });
  await expect(discard({ reason: 'TOO_LARGE' }, ' ')).rejects.toMatchObject({ reason: 'SELECTION_INVALID' });
  expect((await replay({ ids: [WORKSPACE] })).results).toMatchObject([{ outcome: quarantine.ReplayOutcome.UNKNOWN, changed: false }]);
  await expect(get(WORKSPACE)).rejects.toMatchObject({ reason: 'REJECTED_EVENT_UNKNOWN' });
});

test('nobody sees or replays what another workspace refused', async () => {
  const principal = await new PrincipalSigner(process.env['PRINCIPAL_SECRET'] ?? '').sign({ workspaceId: OTHER_WORKSPACE, actor: 'key:other', role: 'ADMIN' });
  const id = await idOf('g1');
  await expect(kindred.quarantine.getRejectedEvent({ id }, { principal })).rejects.toMatchObject({ reason: 'REJECTED_EVENT_UNKNOWN' });
  const { results } = await kindred.quarantine.replayRejectedEvents({ selection: selected({ ids: [id] }), first: 0, mapping: '', after: '' }, { principal });
  expect(results).toMatchObject([{ outcome: quarantine.ReplayOutcome.UNKNOWN }]);
  expect((await kindred.quarantine.listRejectedEventGroups({ state: OPEN, first: 0 }, { principal })).groups).toEqual([]);
});

test('what the store itself refuses stays open once, however often it is replayed', async () => {
  await kindred.sql.query(`ALTER TABLE ingestion.events ADD CONSTRAINT poison CHECK (name <> 'Poison') NOT VALID`);
  await send(track('p1', { event: 'Poison', properties: { a: 1 } }));
  const id = await idOf('p1');
  const before = await ledger();
  expect((await replay({ ids: [id] })).results).toMatchObject([{ outcome: STILL_REJECTED, reason: 'STORE_REFUSED', changed: false }]);
  expect(await ledger()).toEqual(before);
  await kindred.sql.query('ALTER TABLE ingestion.events DROP CONSTRAINT poison');
  expect((await replay({ reason: 'STORE_REFUSED' })).results).toMatchObject([{ outcome: STORED, messageId: 'p1' }]);
  expect((await stored('p1'))[0]).toMatchObject({ name: 'Poison', properties: { a: 1 } });
  expect((await kindred.sql.query("SELECT count(*) FROM ingestion.rejected_events WHERE message_id = 'p1'")).rows[0].count).toBe('1');
});

test('a plan that was too strict is changed, and what it refused is replayed', async () => {
  const declare = (schema: object) => kindred.plans.setTrackingPlanEvent({ event: 'Strict', schema: JSON.stringify(schema), mode: trackingPlan.PlanMode.ENFORCE }, call);
  await declare({ required: ['size'] });
  await send(track('t1', { event: 'Strict' }), track('t2', { event: 'Strict' }));
  const refused = [STILL_REJECTED, 'PLAN_VIOLATION'];
  expect((await replay({ reason: 'PLAN_VIOLATION' })).results.map(({ outcome, reason }) => [outcome, reason])).toEqual([refused, refused]);
  await declare({});
  expect((await replay({ reason: 'PLAN_VIOLATION' })).results.map(({ outcome }) => outcome)).toEqual([STORED, STORED]);
  await ledger();
});

test('whatever is sent, mended, replayed and discarded in whatever order, the ledger adds up and nothing is stored twice', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('send' as const), id: fc.integer({ min: 0, max: 5 }), isGood: fc.boolean() }),
    fc.record({ kind: fc.constant('mend' as const), id: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ kind: fc.constant('replay' as const), twice: fc.boolean() }),
    fc.record({ kind: fc.constant('discard' as const), id: fc.integer({ min: 0, max: 5 }) }),
  );
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      round++;
      let sent = 0;
      const before = await ledger();
      const open = async (at: number) =>
        (await kindred.sql.query("SELECT id FROM ingestion.rejected_events WHERE message_id = $1 AND state = 'OPEN' LIMIT 1", [`z${round}-${at}`])).rows[0]?.id as string | undefined;
      for (const one of steps) {
        if (one.kind === 'send') {
          sent++;
          await send(track(`z${round}-${one.id}`, one.isGood ? {} : { event: 7 }));
        } else if (one.kind === 'replay') {
          await Promise.all(Array.from({ length: one.twice ? 2 : 1 }, () => replay({ reason: 'NAME_INVALID' })));
        } else {
          const id = await open(one.id);
          if (id && one.kind === 'mend') await mend(id, track(`z${round}-${one.id}`));
          if (id && one.kind === 'discard') await discard({ ids: [id] });
        }
      }
      expect((await ledger()).received).toBe(before.received + sent);
      for (let at = 0; at <= 5; at++) expect((await stored(`z${round}-${at}`)).length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 15 },
  );
});

test('what is refused for whom it is of stays open as it is, however often it is replayed beside others, and is stored once it may be', async () => {
  await send(track('b1', { userId: 'null' }), track('b2', { event: '' }), track('b3', { userId: 'null' }));
  const [blocked, mended, other] = [await idOf('b1'), await idOf('b2'), await idOf('b3')];
  await mend(mended, track('b2'));
  const before = await ledger();
  expect((await replay({ ids: [blocked, mended, other] })).results.map(({ outcome, reason, changed }) => [outcome, reason, changed])).toEqual([
    [STILL_REJECTED, 'ID_BLOCKED', false], [STORED, '', true], [STILL_REJECTED, 'ID_BLOCKED', false],
  ]);
  expect((await replay({ reason: 'ID_BLOCKED' })).results.map(({ id }) => id)).toEqual([blocked, other]);
  expect(await get(blocked)).toMatchObject({ state: OPEN, reason: 'ID_BLOCKED' });
  expect(await ledger()).toEqual({ ...before, stored: before.stored + 1, rejected: before.rejected - 1 });
  await kindred.identity.setBlockedId({ value: 'null', blocked: false }, call);
  expect((await replay({ reason: 'ID_BLOCKED' })).results.map(({ outcome }) => outcome)).toEqual([STORED, STORED]);
  await kindred.identity.setBlockedId({ value: 'null', blocked: true }, call);
  expect(await ledger()).toEqual({ ...before, stored: before.stored + 3, rejected: before.rejected - 3 });
});
