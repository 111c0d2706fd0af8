import { randomUUID } from 'node:crypto';

import { api, post, until } from './ready.ts';

interface Evidence {
  strength: number;
  events: { event: string; firstAt: string; effect: number; towards: number; isExact: boolean }[];
  check: { strengthWithoutNamed: number; strengthWithoutOthers: number; towardsByNamed: number; towardsByOthers: number } | null;
  traits: { value: number; fits: boolean; isExact: boolean; trait: { key: string } }[];
  changes: { kind: string; event: string | null; times: number | null; days: number | null; segment: { id: string } | null }[];
}
interface Explained {
  id: string;
  userId: string;
  memberships: { segment: { id: string; name: string }; why: { evidence: Evidence | null } }[];
}
interface StoredEvent {
  name: string | null;
  type: string;
  occurredAt: string;
  properties: object;
}

const EVIDENCE = `id userId memberships { segment { id name } why { evidence {
  strength events(first: 3) { event firstAt effect towards isExact } check { strengthWithoutNamed strengthWithoutOthers towardsByNamed towardsByOthers } traits { value fits isExact trait { key } } changes { kind event times days segment { id } } } } }`;
const DAY_MS = 86_400_000;
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const explained = async (userId: string) => (await api().ask<{ customer: Explained }>(`query($userId: String!) { customer(userId: $userId) { ${EVIDENCE} } }`, { userId })).customer;

/** Some members of each segment, not only its strongest. */
async function someone(each: number): Promise<{ userId: string; segmentId: string }[]> {
  const { segments } = await api().ask<{ segments: { nodes: { id: string; members: { nodes: { userId: string | null }[] } }[] } }>(
    '{ segments(first: 10) { nodes { id members(first: 40) { nodes { userId } } } } }',
  );
  return segments.nodes.flatMap(({ id, members }) => {
    const known = members.nodes.flatMap(({ userId }) => userId ?? []);
    const step = Math.max(1, Math.floor(known.length / each));
    return known.filter((_, index) => index % step === 0).slice(0, each).map((userId) => ({ userId, segmentId: id }));
  });
}

async function lifeOf(userId: string): Promise<StoredEvent[]> {
  const { customer } = await api().ask<{ customer: { events: { nodes: StoredEvent[] } } }>(
    'query($userId: String!) { customer(userId: $userId) { events(first: 60) { nodes { name type occurredAt properties } } } }',
    { userId },
  );
  return customer.events.nodes.filter(({ type }) => type === 'TRACK').toSorted((a, b) => a.occurredAt.localeCompare(b.occurredAt));
}

test('leaving out the events that are named weakens a membership more than leaving out others', async () => {
  const evidence: Evidence[] = [];
  for (const { userId } of await someone(4)) {
    const [membership] = (await explained(userId)).memberships;
    if (membership?.why.evidence) evidence.push(membership.why.evidence);
  }
  const checks = evidence.flatMap(({ check, strength }) => (check ? [{ ...check, strength }] : []));
  const [whole, named, others] = [mean(checks.map(({ strength }) => strength)), mean(checks.map((check) => check.strengthWithoutNamed)), mean(checks.map((check) => check.strengthWithoutOthers))];
  process.stderr.write(`   ${checks.length} customers: strength ${whole.toFixed(3)}, without the named events ${named.toFixed(3)}, without as many others ${others.toFixed(3)}\n`);
  expect(checks.length).toBeGreaterThanOrEqual(12);
  expect(named).toBeLessThan(others);
  const nearer = checks.filter(({ towardsByNamed, towardsByOthers }) => towardsByNamed > towardsByOthers).length;
  process.stderr.write(`   of ${checks.length} customers ${nearer} are brought nearer by the named events than by as many others; for ${evidence.filter(({ changes }) => changes.length > 0).length} a change is known that moves them\n`);
  // Also where strength is as good as certain.
  expect(nearer).toBeGreaterThan(checks.length * 0.8);
  expect(evidence.every(({ events }) => events.every(({ isExact }) => isExact))).toBe(true);
  // What sets the segment apart is told of the customer too, and mostly holds; what is foreseen is no count.
  const traits = evidence.flatMap((one) => one.traits);
  expect(evidence.every((one) => one.traits.length > 0)).toBe(true);
  expect(traits.filter((one) => one.fits).length).toBeGreaterThan(traits.length / 2);
  expect(traits.every(({ isExact, trait }) => isExact !== trait.key.startsWith('expected:'))).toBe(true);
  // Also where strength does not move, events are told apart.
  expect(evidence.every(({ events }) => new Set(events.map(({ effect, towards }) => `${effect}/${towards}`)).size > 1)).toBe(true);
}, 120_000);

test('where what somebody did lately is what put them into a segment, those events are named', async () => {
  const [people, shares, moved] = [await someone(2), [] as number[], [] as boolean[]];
  for (const [index, cause] of people.entries()) {
    const before = people.find(({ segmentId }) => segmentId !== cause.segmentId && segmentId !== people[index - 1]?.segmentId) ?? cause;
    // An old life of somebody elsewhere, and then the life of somebody in this segment.
    const planted = await lifeOf(cause.userId);
    const begin = Date.parse(planted[0]?.occurredAt ?? '');
    const old = await lifeOf(before.userId);
    const shift = begin - 200 * DAY_MS - Date.parse(old.at(-1)?.occurredAt ?? '');
    const userId = `planted-${randomUUID()}`;
    const call = ({ name, properties }: StoredEvent, at: number) => ({ type: 'track', event: name, userId, messageId: randomUUID(), timestamp: new Date(at).toISOString(), properties });
    const batch = [...old.map((event) => call(event, Date.parse(event.occurredAt) + shift)), ...planted.map((event) => call(event, Date.parse(event.occurredAt)))];
    expect((await post('/v1/batch', { batch })).status).toBe(200);
    const count = await until(
      async () => (await api().ask<{ customer: { eventCount: number; memberships: object[] } | null }>('query($userId: String!) { customer(userId: $userId) { eventCount memberships { since } } }', { userId })).customer,
      (customer) => customer?.eventCount === batch.length && customer.memberships.length > 0,
      30_000,
    );
    expect(count?.eventCount).toBe(batch.length);
    const [membership] = (await explained(userId)).memberships;
    if (membership?.segment.id !== cause.segmentId || !membership.why.evidence) continue;
    // By nearness too: where a segment is clear, no event alone moves the strength.
    const telling = membership.why.evidence.events.filter(({ towards }) => towards > 0);
    if (telling.length > 0) shares.push(mean(telling.map(({ firstAt }) => Number(Date.parse(firstAt) >= begin))));
    moved.push(membership.why.evidence.changes.every(({ segment }) => segment?.id !== cause.segmentId));
  }
  process.stderr.write(`   ${shares.length} planted customers: ${(100 * mean(shares)).toFixed(0)} % of the named events are planted ones\n`);
  expect(shares.length).toBeGreaterThanOrEqual(3);
  expect(mean(shares)).toBeGreaterThanOrEqual(0.8);
  expect(moved).not.toContain(false);
}, 120_000);
