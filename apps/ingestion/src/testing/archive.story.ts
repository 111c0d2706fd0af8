import { readFile } from 'node:fs/promises';

import fc from 'fast-check';

import { ingestion, person, retention } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { LedgerRepository } from '../ledger/ledger.repository.js';
import { ArchiveHouse } from './archive.house.js';
import { WORKSPACE } from './ingestion-under-test.js';

const { STORED, DUPLICATE, REJECTED } = ingestion.EventOutcome;
const { SUCCEEDED } = retention.ArchiveRequestState;
const { ARCHIVED } = retention.EventArchiveState;
const MONTHS = ['2023-01', '2023-02', '2023-03'];
const PEOPLE = 3;

let house: ArchiveHouse;
/** What a workspace must say of itself, told in the plainest way. */
const model = { stored: 0, duplicate: 0, rejected: 0, sent: [] as { messageId: string; who: string }[], lives: new Map<string, string[]>() };
let count = 0;
let round = 0;

type Command =
  | { do: 'send'; who: number; month: number }
  | { do: 'send again'; which: number }
  | { do: 'send what is refused' }
  | { do: 'archive'; months: number }
  | { do: 'restore'; which: number }
  | { do: 'replay'; which: number }
  | { do: 'erase'; who: number };
const who = fc.nat(PEOPLE - 1);
const which = fc.nat(1_000);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), who, month: fc.nat(MONTHS.length - 1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('send again' as const), which }) },
  { weight: 1, arbitrary: fc.constant({ do: 'send what is refused' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('archive' as const), months: fc.integer({ min: 1, max: MONTHS.length }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restore' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replay' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), who }) },
);
const nameOf = (place: number) => `person-${round}-${place}`;

async function track(event: object): Promise<ingestion.EventOutcome | undefined> {
  const [result] = await house.send([event]);
  return result?.outcome;
}

async function archived(place: number): Promise<retention.EventArchive | undefined> {
  const there = (await house.archives()).filter(({ state }) => state === ARCHIVED);
  return there[place % Math.max(there.length, 1)];
}

async function apply(given: Command): Promise<void> {
  if (given.do === 'send') {
    const [userId, messageId] = [nameOf(given.who), `message-${count++}`];
    expect(await track({ userId, messageId, timestamp: `${MONTHS[given.month]}-15T00:00:${String(count % 60).padStart(2, '0')}Z` })).toBe(STORED);
    model.stored++;
    model.sent.push({ messageId, who: userId });
    model.lives.set(userId, [...(model.lives.get(userId) ?? []), messageId]);
  } else if (given.do === 'send again') {
    const again = model.sent[given.which % Math.max(model.sent.length, 1)];
    if (!again) return;
    expect(await track({ userId: again.who, messageId: again.messageId, timestamp: '2023-02-01T00:00:00Z' })).toBe(DUPLICATE);
    model.duplicate++;
  } else if (given.do === 'send what is refused') {
    expect(await track({ userId: nameOf(0), event: '', messageId: `refused-${count++}` })).toBe(REJECTED);
    model.rejected++;
  } else if (given.do === 'archive') {
    const before = new Date(Date.UTC(2023, given.months, 1)).toISOString();
    const begun = await house.kindred.retention.archiveEvents({ before }, house.call).catch((error: unknown) => error);
    if (begun instanceof RpcError) expect(begun.reason).toBe('NOTHING_TO_ARCHIVE');
    else expect(await house.ended((begun as retention.ArchiveEventsResponse).request)).toMatchObject({ state: SUCCEEDED, error: '' });
  } else if (given.do === 'restore') {
    const archive = await archived(given.which);
    if (archive) expect(await house.ended((await house.kindred.retention.restoreArchive({ archiveId: archive.id, keepDays: 1 }, house.call)).request)).toMatchObject({ state: SUCCEEDED, eventsDone: archive.events });
  } else if (given.do === 'replay') {
    const archive = await archived(given.which);
    if (!archive) return;
    const { request } = await house.kindred.retention.replayArchive({ archiveId: archive.id, writeKey: '' }, house.call);
    expect(await house.ended(request)).toMatchObject({ state: SUCCEEDED, eventsStored: 0, eventsDuplicate: archive.events });
    model.duplicate += archive.events;
  } else {
    const userId = nameOf(given.who);
    if (!model.lives.has(userId)) return;
    expect(await house.askForPerson(person.PersonRequestKind.ERASE, userId)).toMatchObject({ state: person.PersonRequestState.SUCCEEDED, error: '' });
    model.lives.delete(userId);
  }
}

function unknown(error: unknown): { customer: undefined } {
  if ((error as RpcError).status !== status.NOT_FOUND) throw error;
  return { customer: undefined };
}

/** Message ids of all that an export says of a person. */
async function exported(userId: string): Promise<string[]> {
  const { artifact, error } = await house.askForPerson(person.PersonRequestKind.EXPORT, userId);
  expect(error).toBe('');
  const lines = (await readFile(await house.artifacts.localFile(artifact), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as { type: string; messageId?: string });
  return lines.flatMap(({ messageId }) => messageId ?? []);
}

/** Says it of ingestion with its artefacts in a store; undefined: a folder of its own. */
export function holdsWithArtifactsIn(open: () => Promise<{ url: string | undefined; close(): Promise<void> }>): void {
  let store: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    store = await open();
    house = await ArchiveHouse.open(store.url);
  }, 120_000);
  afterAll(async () => {
    await house?.close();
    await store?.close();
  });

  test('whatever is archived, restored, replayed and erased, the ledger, counts, exports and snapshots say what was sent', async () => {
    const ledger = new LedgerRepository(house.database);
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 6, maxLength: 12 }), async (commands) => {
        round++;
        for (const given of commands) await apply(given);
        const { stored, duplicate, rejected } = model;
        await ledger.reconcile(WORKSPACE);
        expect(await house.kindred.events.getEventLedger({ from: undefined, to: undefined }, house.call)).toMatchObject({ received: stored + duplicate + rejected, stored, duplicate, rejected, difference: 0 });
        for (let place = 0; place < PEOPLE; place++) {
          const life = model.lives.get(nameOf(place));
          const { customer } = await house.kindred.customers.resolveCustomer({ key: { $case: 'userId', value: nameOf(place) } }, house.call).catch(unknown);
          expect(customer?.eventCount).toBe(life?.length);
          if (!customer || !life) continue;
          const { events, pageInfo } = await house.kindred.eventsOf(customer.id, { first: 100, after: '' });
          expect([events.length, pageInfo?.totalCount]).toEqual([life.length, life.length]);
          expect((await exported(nameOf(place))).sort()).toEqual([...life].sort());
        }
        const events = [...model.lives.values()].flat().length;
        if (events === 0) return;
        for await (const { event } of house.kindred.snapshots.createSnapshot({ requestId: `round ${round}`, position: undefined }, house.call)) {
          if (event?.$case === 'snapshot') expect(event.value.events).toBe(events);
        }
      }),
      // What was done stays done: a failure is told as it was found.
      { numRuns: 4, endOnFailure: true },
    );
  }, 300_000);
}
