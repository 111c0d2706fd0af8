import { randomUUID } from 'node:crypto';

import { api, post, until } from './ready.ts';

interface Asked {
  id: string;
  eventCount: number;
  archivedEventCount: number;
  events: { nodes: { name: string | null; type: string; occurredAt: string; properties: object }[]; totalCount: number };
  memberships: { strength: number; segment: { id: string }; why: { evidence: { strength: number; events: { event: string; firstAt: string; effect: number }[] } | null } }[];
}
interface Request {
  id: string;
  state: string;
  error: string | null;
  eventsDone: number;
  eventsStored: number;
  eventsDuplicate: number;
}

const CUSTOMER = `query($userId: String!) { customer(userId: $userId) { id eventCount archivedEventCount
  events(first: 100) { totalCount nodes { name type occurredAt properties } }
  memberships { strength segment { id } why { evidence { strength events(first: 3) { event firstAt effect } } } } } }`;
const REQUEST = 'id state error eventsDone eventsStored eventsDuplicate';
const HOUR_MS = 3_600_000;

const customer = async (userId: string) => (await api().ask<{ customer: Asked | null }>(CUSTOMER, { userId })).customer;
async function ended(mutation: string, name: string): Promise<Request> {
  const started = (await api().ask<Record<string, Request & { message?: string }>>(`mutation { ${mutation} { ... on ArchiveRequest { ${REQUEST} } ... on Failure { message } } }`))[name];
  expect(started?.message).toBeUndefined();
  const ask = () => api().ask<{ archiveRequest: Request }>(`query($id: ID!) { archiveRequest(id: $id) { ${REQUEST} } }`, { id: started?.id });
  const { archiveRequest } = await until(ask, (answer) => !['QUEUED', 'RUNNING'].includes(answer.archiveRequest.state), 60_000);
  expect(archiveRequest).toMatchObject({ state: 'SUCCEEDED', error: null });
  return archiveRequest;
}

/** What is said of a customer; strengths to the hundredth, for they are read at different moments. */
const told = ({ events, memberships }: Asked) => ({
  events: events.nodes.map(({ name, type, occurredAt, properties }) => ({ name, type, occurredAt, properties })),
  total: events.totalCount,
  memberships: memberships.map(({ segment, strength, why }) => ({
    segment: segment.id, strength: Math.round(strength * 100) / 100, why: why.evidence?.events.map(({ event, firstAt }) => [event, firstAt]).sort(),
  })),
});

/** A member's life, moved so that it ends an hour ago: the first half done by a device, the second by somebody, who joins it when `meet` is called. */
async function plant(life: Asked['events']['nodes'], now: number) {
  const [userId, anonymousId] = [`twin-${randomUUID()}`, `device-${randomUUID()}`];
  const moved = now - HOUR_MS - Date.parse(life.at(-1)?.occurredAt ?? '');
  const batch = life.map(({ name, properties, occurredAt }, index) => ({
    type: 'track', event: name, properties, messageId: randomUUID(), timestamp: new Date(Date.parse(occurredAt) + moved).toISOString(), ...(index < life.length / 2 ? { anonymousId } : { userId }),
  }));
  const send = async (calls: object[]) => expect((await post('/v1/batch', { batch: calls })).status).toBe(200);
  await send(batch);
  await until(() => customer(userId), (seen) => (seen?.memberships.length ?? 0) > 0, 30_000);
  return { userId, meet: () => send([{ type: 'identify', userId, anonymousId, messageId: randomUUID(), timestamp: new Date(now).toISOString() }]) };
}

test('who has half of their events in files is told of as before: after a merge, by a new run, and after a replay', async () => {
  const { segments } = await api().ask<{ segments: { nodes: { members: { nodes: { userId: string | null }[] } }[] } }>(
    '{ segments(first: 1) { nodes { members(first: 20, orderBy: STRENGTH) { nodes { userId } } } } }',
  );
  const example = await customer(segments.nodes[0]?.members.nodes.find(({ userId }) => userId?.startsWith('shopper'))?.userId ?? '');
  const life = (example?.events.nodes ?? []).filter(({ type }) => type === 'TRACK').toReversed();
  expect(life.length).toBeGreaterThan(10);
  const now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  const [before, after] = [await plant(life, now), await plant(life, now)];
  // Reasons are told from the events, memberships from the state: it was built anew when both speak of the same strength.
  const isRead = ({ memberships }: Asked) => memberships.length > 0 && memberships.every(({ strength, why }) => Math.abs(strength - (why.evidence?.strength ?? -1)) < 0.005);
  const whole = async (userId: string) => {
    const seen = await customer(userId);
    return seen?.events.totalCount === life.length + 1 && isRead(seen) ? told(seen) : undefined;
  };

  const twins = async () => {
    const [one, other] = await until(() => Promise.all([whole(before.userId), whole(after.userId)]), (seen) => seen.every((twin) => twin !== undefined), 30_000);
    expect(one).toEqual(other);
  };

  // One is joined, and so built anew, from the table; the other from table and files.
  const early = await until(() => customer(after.userId), (seen) => seen !== null && isRead(seen), 30_000);
  await before.meet();
  const expected = await until(() => whole(before.userId), (seen) => seen !== undefined, 30_000);
  expect(expected?.memberships).not.toEqual(early && told(early).memberships);
  const archived = await ended(`archiveEvents(before: "${new Date().toISOString()}")`, 'archiveEvents');
  expect(archived.eventsDone).toBeGreaterThanOrEqual(life.length);
  expect(await whole(before.userId)).toEqual(expected);
  await after.meet();
  await until(() => whole(after.userId), (seen) => JSON.stringify(seen) === JSON.stringify(expected), 30_000);
  expect((await customer(after.userId))?.archivedEventCount).toBeGreaterThan(0);

  const version = async () => (await api().ask<{ model: { version: number } }>('{ model(champion: true) { version } }')).model.version;
  const first = await version();
  const { startTrainingRun: run } = await api().ask<{ startTrainingRun: { id: string } }>('mutation { startTrainingRun { ... on TrainingRun { id } } }');
  const state = () => api().ask<{ trainingRun: { state: string } }>('query($id: ID!) { trainingRun(id: $id) { state } }', { id: run.id });
  expect((await until(state, ({ trainingRun }) => ['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(trainingRun.state), 400_000)).trainingRun.state).toBe('SUCCEEDED');
  await until(version, (seen) => seen > first, 30_000);
  await twins();

  const { eventArchives } = await api().ask<{ eventArchives: { nodes: { id: string; rows: number }[] } }>('{ eventArchives(first: 1) { nodes { id rows } } }');
  const replayed = await ended(`replayArchive(id: "${eventArchives.nodes[0]?.id}")`, 'replayArchive');
  expect(replayed).toMatchObject({ eventsStored: 0, eventsDuplicate: eventArchives.nodes[0]?.rows });
  await twins();
}, 600_000);
