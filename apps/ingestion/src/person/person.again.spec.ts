import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';

import fc from 'fast-check';
import { Client } from 'pg';
import { v7 as uuid } from 'uuid';

import { openArtifactStore } from '#libs/artifacts';
import { ingestion, person, trackingPlan } from '#libs/contracts';

import { WORKSPACE } from '../testing/ingestion-under-test.js';
import { personHouse } from '../testing/person.house.js';
import { tablesWith } from '../testing/tables-with.js';

const { STORED, DUPLICATE, REJECTED } = ingestion.EventOutcome;
const { ERASE, SUPPRESS } = person.PersonRequestKind;

const house = personHouse();

const send = async (...events: object[]) => {
  const encoded = events.map((event) => Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', ...event })));
  return (await house.kindred.events.trackEvents({ events: encoded, sentAt: undefined }, house.call)).results.map(({ outcome }) => outcome);
};
const ask = async (kind: person.PersonRequestKind, userId: string) => house.ended(await house.start(kind, userId));
const receiptOf = async (messageId: string) => (await house.kindred.events.getEventReceipt({ messageId }, house.call)).receipt;
const events = async (messageId: string) => (await house.kindred.sql.query<{ rows: number }>('SELECT count(*)::int AS rows FROM ingestion.events WHERE message_id = $1', [messageId])).rows[0]?.rows;

/** After a recount that began later than now. */
async function recounted(): Promise<ingestion.GetEventLedgerResponse> {
  const since = Date.now();
  for (;;) {
    const ledger = await house.kindred.events.getEventLedger({ from: undefined, to: undefined }, house.call);
    if (Date.parse(ledger.reconciledAt ?? '') > since) return ledger;
    await wait(10);
  }
}

/** Until so many wait to pass the identity gate. */
async function waitingAtGate(count: number): Promise<void> {
  const waiting = async () => (await house.kindred.sql.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).rowCount;
  while ((await waiting()) !== count) await wait(10);
}

// The first erasure of the workspace: until then no commit looks for erased events.
test('a retry that was under way when the first erasure committed is a duplicate', async () => {
  const event = { userId: 'first-13085', messageId: 'invoice-1-first-13085' };
  expect(await send(event)).toEqual([STORED]);
  const holder = new Client({ connectionString: house.kindred.platform.postgres.ownerUrl });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query(`SELECT pg_advisory_xact_lock_shared(hashtextextended('identity:' || $1::text, 0))`, [WORKSPACE]);
  const erased = ask(ERASE, event.userId);
  await waitingAtGate(1);
  const retried = send(event);
  await waitingAtGate(2);
  await holder.query('COMMIT');
  await holder.end();
  expect((await erased).error).toBe('');
  expect([await retried, await events(event.messageId)]).toEqual([[DUPLICATE], 0]);
  expect(await tablesWith(house.kindred.sql, '13085')).toEqual([]);
});

test('of an erased event its message id answers as before, and stands nowhere, also where it was an example or refused', async () => {
  const { OBSERVE } = trackingPlan.PlanMode;
  await house.kindred.plans.setTrackingPlanEvent({ event: 'Order', schema: JSON.stringify({ type: 'object', required: ['revenue'] }), mode: OBSERVE }, house.call);
  const [event, other] = ['invoice-2-told', 'invoice-3-told'].map((messageId) => ({ event: 'Order', userId: 'told', messageId })) as [object, object];
  // Refused at first, without a word of whom it is of.
  expect(await send({ messageId: 'invoice-2-told' })).toEqual([REJECTED]);
  expect(await send(event, other, event)).toEqual([STORED, STORED, DUPLICATE]);
  const before = await receiptOf('invoice-2-told');
  expect(await tablesWith(house.kindred.sql, '-told')).toEqual(expect.arrayContaining(['message_ids', 'duplicate_events', 'rejected_events', 'tracking_plan_violations']));
  const { tables } = await ask(ERASE, 'told');
  expect(tables).toEqual(expect.arrayContaining([{ table: 'ingestion.duplicate_events', rows: 1 }, { table: 'ingestion.rejected_events', rows: 1 }]));
  expect(await send(event, { userId: 'somebody', messageId: 'between' }, event)).toEqual([DUPLICATE, STORED, DUPLICATE]);
  expect(await tablesWith(house.kindred.sql, 'told')).toEqual([]);
  expect(await receiptOf('invoice-2-told')).toEqual({ ...before, customerId: '', duplicates: 2 });
  const { received, stored, duplicate, rejected, difference } = await recounted();
  expect([received, difference]).toEqual([stored + duplicate + rejected, 0]);
});

test('a file whose customer was erased adds nothing when it is imported again, and no table names them', async () => {
  const content = 'Invoice,Customer,Date,Price\n489435,17850,2026-01-03,2.5\n489436,17850,2026-01-04,3.5\n489437,13047,2026-01-04,1\n';
  const mapping = { customer: { column: 'Customer' }, time: { column: 'Date' }, event: { name: 'Order' }, messageId: { column: ['Invoice', 'Customer'], prefix: 'invoice-' } };
  const imported = async () => {
    const { path } = await openArtifactStore(house.kindred.platform.artifactUrl).write({ workspaceId: WORKSPACE, area: 'uploads', id: uuid(), name: 'data.csv' }, Readable.from([content]));
    const { import: started } = await house.kindred.imports.startImport({ artifact: path, fileName: 'orders.csv', mapping: JSON.stringify(mapping) }, house.call);
    for await (const _ of house.kindred.imports.watchImport({ id: started?.id ?? '' }, house.call));
    return (await house.kindred.imports.getImports({ ids: [started?.id ?? ''] }, house.call)).imports[0];
  };
  expect(await imported()).toMatchObject({ eventsStored: 3, eventsDuplicate: 0 });
  await ask(ERASE, '17850');
  expect(await imported()).toMatchObject({ eventsStored: 0, eventsDuplicate: 3 });
  expect(await tablesWith(house.kindred.sql, '17850')).toEqual([]);
  expect((await recounted()).difference).toBe(0);
  // Of somebody who is suppressed too nothing is kept that names them; what came is known again all the same.
  await ask(SUPPRESS, '17850');
  expect(await imported()).toMatchObject({ eventsStored: 0, eventsDuplicate: 1 });
  const { rejected } = await recounted();
  expect(await imported()).toMatchObject({ eventsStored: 0, eventsDuplicate: 1 });
  expect([(await recounted()).rejected, await tablesWith(house.kindred.sql, '17850')]).toEqual([rejected, []]);
  expect(await receiptOf('invoice-489435-17850')).toMatchObject({ outcome: STORED });
});

test('a suppressed event’s receipt is found by its message id, which stands nowhere', async () => {
  await ask(SUPPRESS, 'hushed');
  const { results } = await house.kindred.events.trackEvents({ events: [Buffer.from(JSON.stringify({ type: 'track', event: 'Seen', userId: 'hushed', messageId: 'invoice-4-hushed' }))], sentAt: undefined }, house.call);
  expect(results).toMatchObject([{ messageId: 'invoice-4-hushed', outcome: REJECTED, reason: 'SUPPRESSED' }]);
  expect(await receiptOf('invoice-4-hushed')).toMatchObject({ messageId: 'invoice-4-hushed', outcome: REJECTED, reason: 'SUPPRESSED' });
  expect(await tablesWith(house.kindred.sql, 'hushed')).toEqual([]);
});

test('however retries and erasures meet, an event is stored once, and never again after an erasure', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }), fc.nat(60), fc.boolean(), async (retries, delay, isTwice) => {
      const userId = `met-${run++}`;
      const message = (id: number) => ({ userId, messageId: `${userId}-order-${id}` });
      const first = await send(...[0, 1, 2, 3].map(message));
      const erase = async () => {
        await wait(delay);
        return ask(ERASE, userId);
      };
      const [outcomes] = await Promise.all([Promise.all(retries.map((ids) => send(...ids.map(message)))), erase(), ...(isTwice ? [erase()] : [])]);
      expect([first, outcomes.flat().filter((outcome) => outcome !== DUPLICATE)]).toEqual([[STORED, STORED, STORED, STORED], []]);
      expect(await send(...[0, 1, 2, 3].map(message))).toEqual([DUPLICATE, DUPLICATE, DUPLICATE, DUPLICATE]);
      expect(await tablesWith(house.kindred.sql, `${userId}-`)).toEqual([]);
    }),
    { numRuns: 12 },
  );
  const { received, stored, duplicate, rejected, difference } = await recounted();
  expect([received, difference]).toEqual([stored + duplicate + rejected, 0]);
}, 120_000);
