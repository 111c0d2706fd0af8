import { api } from './ready.ts';

interface Reading {
  novelty: number | null;
  mapPosition: { x: number; y: number } | null;
  forecast: { event: string; horizonDays: number; probability: number; asOf: string; model: { id: string } }[];
}
interface Customer extends Reading {
  id: string;
  firstSeenAt: string;
  events: { nodes: { occurredAt: string }[] };
}

const READING = (asOf = '') => `novelty${asOf && `(${asOf})`} mapPosition${asOf && `(${asOf})`} { x y } forecast(first: 20${asOf && `, ${asOf}`}) { event horizonDays probability asOf model { id } }`;
/** A state that took events in one by one and one that is built anew differ by rounding. */
const DIGITS = 3;

async function customers(): Promise<Customer[]> {
  const { customers: page } = await api().ask<{ customers: { nodes: Customer[] } }>(`{ customers(first: 12) { nodes { id firstSeenAt events(first: 30) { nodes { occurredAt } } ${READING()} } } }`);
  return page.nodes;
}

const readingAt = async (id: string, asOf: string) =>
  (await api().ask<{ customer: Reading }>(`query($id: ID!, $asOf: DateTime!) { customer(id: $id) { ${READING('asOf: $asOf')} } }`, { id, asOf })).customer;

test('as of the time at which a customer was last read, the model says of them again what is kept', async () => {
  for (const { id, novelty, mapPosition, forecast } of await customers()) {
    const again = await readingAt(id, forecast[0]!.asOf);
    expect(again.novelty).toBeCloseTo(novelty!, DIGITS);
    expect(again.mapPosition!.x).toBeCloseTo(mapPosition!.x, DIGITS - 1);
    expect(again.mapPosition!.y).toBeCloseTo(mapPosition!.y, DIGITS - 1);
    const chances = (told: Reading['forecast']) => new Map(told.map(({ event, horizonDays, probability }) => [`${event} ${horizonDays}`, probability]));
    const [kept, told] = [chances(forecast), chances(again.forecast)];
    expect([...told.keys()].toSorted()).toEqual([...kept.keys()].toSorted());
    for (const [name, probability] of told) expect(probability).toBeCloseTo(kept.get(name)!, DIGITS);
  }
});

test('as of an earlier time only what had happened by then counts, and before the first event nothing is known', async () => {
  const [someone] = (await customers()).filter(({ events }) => events.nodes.length >= 10);
  const times = someone!.events.nodes.map(({ occurredAt }) => occurredAt).toSorted();
  const middle = times[Math.floor(times.length / 2)]!;
  const then = await readingAt(someone!.id, middle);
  expect(then.novelty).not.toBeNull();
  expect(then.forecast.every(({ asOf }) => Date.parse(asOf) === Date.parse(middle))).toBe(true);
  expect(then.forecast).not.toEqual(someone!.forecast);
  expect(await readingAt(someone!.id, new Date(Date.parse(someone!.firstSeenAt) - 1_000).toISOString())).toEqual({ novelty: null, mapPosition: null, forecast: [] });
});

test('the reason of a membership as of the moment at which memberships began is told, by the champion', async () => {
  const [someone] = await customers();
  const memberships = 'memberships { since segment { id kind } }';
  const { customer } = await api().ask<{ customer: { memberships: { since: string; segment: { id: string; kind: string } }[] } }>(`query($id: ID!) { customer(id: $id) { ${memberships} } }`, { id: someone!.id });
  const learned = customer.memberships.find(({ segment }) => segment.kind === 'LEARNED');
  const asOf = new Date(Date.parse(learned!.since) + 1).toISOString();
  const told = await api().ask<{ customer: { memberships: { segment: { id: string }; why: { evidence: { readAt: string; strength: number; model: { id: string } } | null } }[] } }>(
    'query($id: ID!, $asOf: DateTime!) { customer(id: $id) { memberships(asOf: $asOf) { segment { id } why { evidence { readAt strength model { id } } } } } }',
    { id: someone!.id, asOf },
  );
  const evidence = told.customer.memberships.find(({ segment }) => segment.id === learned!.segment.id)?.why.evidence;
  expect(Date.parse(evidence!.readAt)).toBe(Date.parse(asOf));
  expect(evidence!.strength).toBeGreaterThan(0);
  expect(evidence!.model.id).toBe(someone!.forecast[0]!.model.id);
});
