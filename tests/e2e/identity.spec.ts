// Who is who, taken apart again: what a merge and its undoing make of events and memberships, and what an erasure leaves.
import { randomUUID } from 'node:crypto';

import { api, post, ready, until } from './ready.ts';

interface Life {
  readonly name: string;
  readonly type: string;
  readonly occurredAt: string;
  readonly properties: object;
}
interface Seen {
  readonly id: string;
  readonly userId: string | null;
  readonly anonymousIds: string[];
  readonly eventCount: number;
  readonly events: { readonly nodes: Life[] };
  readonly memberships: { readonly segment: { readonly id: string }; readonly strength: number }[];
  readonly mergeHistory: { readonly nodes: { readonly id: string; readonly undoneAt: string | null }[] };
}
interface Person {
  readonly state: string;
  readonly error: string | null;
  readonly download: { readonly url: string } | null;
  readonly receipt: { readonly jws: string; readonly tables: { readonly table: string; readonly rows: number }[] } | null;
}

const SEEN = 'id userId anonymousIds eventCount events(first: 100) { nodes { name type occurredAt properties } } memberships { segment { id } strength } mergeHistory { nodes { id undoneAt } }';
const byUser = async (userId: string) => (await api().ask<{ customer: Seen | null }>(`query($id: String!) { customer(userId: $id) { ${SEEN} } }`, { id: userId })).customer;
const byDevice = async (id: string) => (await api().ask<{ customer: Seen | null }>(`query($id: String!) { customer(anonymousId: $id) { ${SEEN} } }`, { id })).customer;
const send = async (...batch: object[]) => expect((await post('/v1/batch', { batch: batch.map((call) => ({ messageId: randomUUID(), ...call })) })).status).toBe(200);
const undo = (id: string) =>
  api().ask<{ undoMerge: { __typename: string; customers?: { userId: string | null; anonymousIds: string[] }[] } }>(
    'mutation($id: ID!) { undoMerge(id: $id) { __typename ... on MergeUndone { customers { userId anonymousIds } } } }', { id },
  );

const ends = (life: readonly Life[]): number => Date.parse(life.at(-1)?.occurredAt ?? '');

/** Lives of members of two segments: of who is surely in one those that ended last, so that they are placed alike when they are moved a little. */
async function twoLives(): Promise<[Life[], Life[]]> {
  const { segments } = await api().ask<{ segments: { nodes: { id: string; members: { nodes: { events: { nodes: Life[] }; memberships: { strength: number }[] }[] } }[] } }>(
    '{ segments(kind: LEARNED, first: 6) { nodes { id members(first: 8) { nodes { events(first: 100) { nodes { name type occurredAt properties } } memberships { strength } } } } } }',
  );
  const latest = segments.nodes.flatMap(({ members }) => {
    const sure = members.nodes.filter(({ events, memberships }) => events.nodes.length < 98 && (memberships[0]?.strength ?? 0) > 0.9);
    const lives = sure.map(({ events }) => events.nodes.filter(({ type }) => type === 'TRACK').toReversed()).filter((life) => life.length > 0);
    return lives.toSorted((one, other) => ends(other) - ends(one)).slice(0, 1);
  });
  const [one, other] = latest.toSorted((first, second) => ends(second) - ends(first));
  if (!one || !other) throw new Error('no two segments have a member that is surely theirs');
  return [one, other];
}

/** A life moved so that it ended a day ago. */
function moved(life: readonly Life[], who: object): object[] {
  const by = Date.now() - 86_400_000 - ends(life);
  return life.map(({ name, properties, occurredAt }) => ({ type: 'track', event: name, properties, timestamp: new Date(Date.parse(occurredAt) + by).toISOString(), ...who }));
}

const told = (seen: Seen | null) => ({
  events: seen?.events.nodes.filter(({ type }) => type === 'TRACK'),
  memberships: seen?.memberships.map(({ segment, strength }) => ({ segment: segment.id, strength: Math.round(strength * 100) / 100 })),
});
const isPlaced = (seen: Seen | null) => (seen?.memberships.length ?? 0) > 0;
/** Serving follows within seconds. */
const untilTold = (ask: () => Promise<Seen | null>, expected: object) => until(async () => told(await ask()), (now) => JSON.stringify(now) === JSON.stringify(expected), 30_000);

test('a merge that is undone leaves both as they were, events and memberships, and they stay two whatever comes', async () => {
  const [userId, anonymousId] = [`merged-${randomUUID()}`, `device-${randomUUID()}`];
  const [user, device] = [() => byUser(userId), () => byDevice(anonymousId)];
  const [one, other] = await twoLives();
  await send(...moved(one, { userId }), ...moved(other, { anonymousId }));
  const before = { user: told(await until(user, isPlaced, 30_000)), device: told(await until(device, isPlaced, 30_000)) };
  expect(before.user.memberships?.[0]?.segment).not.toBe(before.device.memberships?.[0]?.segment);

  await send({ type: 'identify', userId, anonymousId, timestamp: new Date(Date.now() - 86_400_000).toISOString() });
  const merged = await until(user, (seen) => seen?.eventCount === one.length + other.length + 1, 30_000);
  expect(merged?.anonymousIds).toEqual([anonymousId]);
  expect((await device())?.id).toBe(merged?.id);
  const merge = merged?.mergeHistory.nodes[0]?.id ?? '';

  const { undoMerge } = await undo(merge);
  expect(undoMerge.customers).toEqual(expect.arrayContaining([expect.objectContaining({ userId, anonymousIds: [] }), { userId: null, anonymousIds: [anonymousId] }]));
  await untilTold(user, before.user);
  await untilTold(device, before.device);
  expect((await device())?.id).not.toBe(merged?.id);
  expect((await user())?.mergeHistory.nodes).toEqual([{ id: merge, undoneAt: expect.any(String) as string }]);
  expect((await undo(merge)).undoMerge).toEqual({ __typename: 'MergeUndoneBefore' });

  // Seen together again: the two were told apart by a person.
  await send({ type: 'identify', userId, anonymousId });
  await until(user, (seen) => seen?.eventCount === one.length + 2, 30_000);
  expect(told(await device())).toEqual(before.device);
}, 120_000);

async function done(mutation: 'erasePerson' | 'requestPersonExport', userId: string): Promise<Person> {
  const asked = (await api().ask<Record<string, { id?: string; message?: string }>>(`mutation($person: PersonInput!) { ${mutation}(person: $person) { ... on PersonRequest { id } ... on Failure { message } } }`, { person: { userId } }))[mutation];
  const ask = () => api().ask<{ personRequest: Person }>('query($id: ID!) { personRequest(id: $id) { state error download { url } receipt { jws tables { table rows } } } }', { id: asked?.id });
  const { personRequest } = await until(ask, ({ personRequest: { state } }) => state === 'SUCCEEDED' || state === 'FAILED', 60_000);
  expect(personRequest).toMatchObject({ state: 'SUCCEEDED', error: null });
  return personRequest;
}

test('who is erased is gone from events, memberships, quarantine and exports, with a receipt; others on the same device stay, and the ledger adds up', async () => {
  const [userId, anonymousId, other] = [`erased-${randomUUID()}`, `shared-${randomUUID()}`, `neighbour-${randomUUID()}`];
  const [messageId, refusedId] = [randomUUID(), randomUUID()];
  const order = { type: 'track', event: 'Order Completed', properties: { revenue: 12 } };
  await send({ ...order, userId, messageId }, { ...order, userId, anonymousId }, { ...order, userId: other, anonymousId }, { type: 'track', userId, messageId: refusedId });
  const customer = await until(() => byUser(userId), isPlaced, 30_000);
  const neighbour = await until(() => byUser(other), isPlaced, 30_000);
  const exported = await done('requestPersonExport', userId);
  const link = new URL(exported.download?.url ?? '', ready().graphql);
  const lines = (await (await fetch(link)).text()).trim().split('\n').map((line) => JSON.parse(line) as { type?: string; event?: string; userId?: string });
  expect(lines.filter(({ type }) => type === 'track')).toMatchObject([1, 2].map(() => ({ event: 'Order Completed', userId })));

  const { receipt } = await done('erasePerson', userId);
  const rows = Object.fromEntries(receipt?.tables.map(({ table, rows: count }) => [table, count]) ?? []);
  expect(rows).toMatchObject({ 'ingestion.events': 2, 'ingestion.rejected_events': 1 });
  expect(Buffer.from(receipt?.jws.split('.')[1] ?? '', 'base64url').toString()).not.toContain(userId);
  const { byId, receipts, refused } = await api().ask<{ byId: Seen | null; receipts: { customer: Seen | null } | null; refused: { outcome: string } | null }>(
    `query($id: ID!, $message: String!, $refused: String!) { byId: customer(id: $id) { ${SEEN} } receipts: eventReceipt(messageId: $message) { customer { id } } refused: eventReceipt(messageId: $refused) { outcome } }`,
    { id: customer?.id, message: messageId, refused: refusedId },
  );
  expect([await byUser(userId), byId, receipts?.customer ?? null, refused]).toEqual([null, null, null, null]);
  expect((await fetch(link)).status).toBe(410);
  expect(await byUser(other)).toEqual(neighbour);
  const { eventLedger } = await api().ask<{ eventLedger: { received: number; stored: number; duplicate: number; rejected: number } }>('{ eventLedger { received stored duplicate rejected } }');
  expect(eventLedger.received).toBe(eventLedger.stored + eventLedger.duplicate + eventLedger.rejected);
}, 120_000);
