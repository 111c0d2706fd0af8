import { randomUUID } from 'node:crypto';

import { openArtifactStore } from '#libs/artifacts';
import { definition } from '#libs/contracts';
import { type Database, openDatabase } from '#libs/database';
import { EventHistory, FEED, HISTORY, KeptHistory } from '#libs/history';

import type { IntakeEvent } from '../../apps/ingestion/src/event/event.js';
import { EventStore } from '../../apps/ingestion/src/event/event.store.js';
import { MergeRepository } from '../../apps/ingestion/src/identity/merge.repository.js';
import { digestsBy } from '../../apps/ingestion/src/identity/keyed.digest.js';
import { HistoryRepository } from '../../apps/serving/src/foresight/history.repository.js';
import { Archiving } from './archiving.js';
import { type Condition, Defining, performed, rule } from './defining.js';
import { membersOf, model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const DAY = 86_400_000;

let house: ServingHouse;
let replica: ServingReplica;
let archiving: Archiving;
let ingestion: Database;
let serving: Database;
let history: EventHistory;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
  archiving = new Archiving(house);
  ingestion = openDatabase({ url: house.platform.databaseUrl, service: 'ingestion' });
  serving = openDatabase({ url: house.platform.databaseUrl, service: 'serving', pipeline: true });
  history = new EventHistory(openArtifactStore(house.platform.artifactUrl));
});
afterAll(async () => {
  await Promise.all([archiving.close(), ingestion.close(), serving.close()]);
  await house.close();
});

/** Stores events as the intake does, and waits until the feed shows them. */
async function send(workspace: TestWorkspace, ...events: (Partial<IntakeEvent> & { daysAgo: number })[]): Promise<void> {
  const whole = events.map(({ daysAgo, ...event }): IntakeEvent => ({
    id: randomUUID(), messageId: randomUUID(), type: 'track', name: 'Order Completed', occurredAt: new Date(START - daysAgo * DAY).toISOString(), receivedAt: new Date(),
    sentAt: null, originalAt: null, timeClamped: false, userId: null, anonymousId: null, groupId: null, previousId: null, properties: '{}', context: null, ...event,
  }));
  const store = new EventStore(ingestion, { maxSubjects: 100, maxMergesPerDay: 100 }, digestsBy('a secret of this test'));
  await store.write({ workspaceId: workspace.id, source: 'test', events: whole, rejections: [] });
  await house.untilShown(workspace.id);
  await house.track(workspace.id, []);
}
/** The same moment for twins. */
const START = Date.now();

/** User ids, or the device's id, of customers. */
async function names(workspace: TestWorkspace): Promise<Map<string, string>> {
  const { rows } = await house.owner.query<{ id: string; name: string }>(
    `select m.customer_id as id, max(s.external_id) as name from ingestion.subjects s
     join ingestion.subject_customers m on m.subject_id = s.id and m.ended_horizon is null where s.workspace_id = $1 group by 1`,
    [workspace.id],
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** States by outside id, but for the moment at which they were read. */
async function states(workspace: TestWorkspace): Promise<Record<string, unknown>> {
  const known = await names(workspace);
  const { rows } = await house.owner.query<{ id: string }>(
    `select customer_id as id, segment_index as index, events::float8 as events, first_event_at as first, last_event_at as last, encode(state, 'escape') as state
     from serving.customer_states where workspace_id = $1`,
    [workspace.id],
  );
  return Object.fromEntries(rows.map(({ id, ...state }) => [known.get(id) ?? id, state]).sort());
}

/** Two workspaces with the same story; what is told of them must not differ by one of them having been archived. */
async function twins<T>(story: (workspace: TestWorkspace, archive: () => Promise<void>) => Promise<T>): Promise<[T, T]> {
  const told: T[] = [];
  for (const isArchived of [false, true]) {
    const workspace = await house.workspace();
    const archive = async () => {
      if (isArchived) expect(await archiving.archive(workspace.id)).toBeGreaterThan(0);
    };
    told.push(await story(workspace, archive));
  }
  return told as [T, T];
}

test('a state that is built anew by a merge and by its undoing is the same where half of the events lie in files', async () => {
  const [live, archived] = await twins(async (workspace, archive) => {
    await send(workspace,
      { anonymousId: 'device', daysAgo: 70, properties: '{"revenue": 3}' }, { anonymousId: 'device', daysAgo: 65 }, { anonymousId: 'device', daysAgo: 0.01 },
      { userId: 'person', daysAgo: 66 }, { userId: 'person', daysAgo: 0.01 });
    const first = model();
    await house.prepare(replica, workspace, first);
    await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
    await archive();
    await send(workspace, { anonymousId: 'device', userId: 'person', daysAgo: 0 });
    const merged = await until(() => states(workspace), (seen) => JSON.stringify(seen).includes('"events":6'));
    const { rows } = await house.owner.query<{ id: string }>('select id from ingestion.customer_merges where workspace_id = $1', [workspace.id]);
    await new MergeRepository(ingestion, history).undo(workspace.id, rows[0]?.id ?? '', 'key:test');
    await house.track(workspace.id, []);
    const undone = await until(() => states(workspace), (seen) => Object.keys(seen).length === 2);
    return { merged, undone };
  });
  expect(Object.keys(live.merged)).toEqual(['person']);
  expect(archived).toEqual(live);
});

test('a rule whose window reaches into files has the same members, when it is made and when it is followed', async () => {
  const { PropertyOperator } = definition;
  const part = { all: [], any: [], not: undefined, performed: undefined, memberOf: '', attribute: undefined };
  const often = { event: 'Order Completed', atLeast: 3, atMost: undefined, withinDays: 90, filters: [{ property: 'revenue', operator: PropertyOperator.AT_LEAST, value: '2' }], sum: undefined, ever: false };
  const seldom = { event: 'Order Completed', atLeast: undefined, atMost: 0, withinDays: 90, filters: [], sum: undefined, ever: false };
  const bought = (userId: string, daysAgo: number, revenue = 5) => ({ userId, daysAgo, properties: JSON.stringify({ revenue }) });
  const [live, archived] = await twins(async (workspace, archive) => {
    await send(workspace,
      bought('often', 70), bought('often', 69), bought('often', 0.01), bought('soon', 70), bought('soon', 0.01), bought('cheap', 70, 1), bought('cheap', 69, 1), bought('cheap', 0.01, 1),
      bought('old', 80), { userId: 'looks', daysAgo: 70, name: 'Product Viewed' }, { type: 'identify', userId: 'nobody', daysAgo: 70, name: '' });
    await archive();
    const create = async (name: string, performed: definition.PerformedEvent) => {
      const { definition: made } = await replica.definitions.createDefinedSegment({ name, description: '', condition: { ...part, performed }, customers: undefined }, workspace.call);
      const segmentId = made?.segmentId ?? '';
      await until(() => replica.definitions.getSegmentDefinition({ segmentId }, workspace.call), ({ definition: seen }) => seen?.progress === 1);
      return async () => {
        const known = await names(workspace);
        const { members } = await membersOf(replica, workspace, segmentId);
        return members.map(({ customerId }) => known.get(customerId) ?? customerId).sort();
      };
    };
    const { size, population } = await replica.definitions.previewDefinedSegment({ condition: { ...part, performed: often } }, workspace.call);
    const [oftenMembers, seldomMembers] = [await create('Often', often), await create('Seldom', seldom)];
    const made = [await oftenMembers(), await seldomMembers()];
    // A third one, of whom two lie in files; and a name that only files know is no unknown event.
    await send(workspace, bought('soon', 0));
    const followed = await until(oftenMembers, (seen) => seen.includes('soon'));
    const viewed = await create('Viewed', { ...seldom, event: 'Product Viewed', atLeast: 1, atMost: undefined });
    return { size, population, made, followed, viewed: await viewed() };
  });
  expect(live).toEqual({ size: 1, population: 5, made: [['often'], ['looks']], followed: ['often', 'soon'], viewed: ['looks'] });
  expect(archived).toEqual(live);
});

test('a rule that asks of ever counts files too, when it is made and when it is followed; what a policy drops counts no more, and a preview says so', async () => {
  const bought = (userId: string, daysAgo: number, revenue = 5) => ({ userId, daysAgo, properties: JSON.stringify({ revenue }) });
  const thrice = performed('Order Completed', 'ever', { atLeast: 3 });
  const much = performed('Order Completed', 'ever', {}, [], { property: 'revenue', atLeast: 40.5 });
  const defining = new Defining(house, replica);
  const [live, archived] = await twins(async (workspace, archive) => {
    const named = async (ids: readonly string[]) => {
      const known = await names(workspace);
      return ids.map((id) => known.get(id) ?? id).sort();
    };
    const inIt = async (segmentId: string) => named(await defining.members(workspace, segmentId));
    await send(workspace, bought('early', 800), bought('early', 70), bought('early', 69), bought('late', 500, 40), bought('late', 0.01, 0.5), bought('new', 0.02), bought('new', 0.01));
    await archive();
    const preview = async (condition: Condition) => {
      const { sampleCustomerIds, notices } = await replica.definitions.previewDefinedSegment({ condition }, workspace.call);
      return [await named(sampleCustomerIds), notices.map(({ code }) => code)];
    };
    const previewed = [await preview(thrice), await preview(much)];
    const [often, rich] = [await defining.create(workspace, rule('Often', thrice)), await defining.create(workspace, rule('Rich', much))];
    await defining.settled(workspace, often);
    await defining.settled(workspace, rich);
    const made = [await inIt(often), await inIt(rich)];
    await send(workspace, bought('late', 0));
    const followed = await until(() => inIt(often), (seen) => seen.includes('late'));
    return { workspace, segmentIds: [often, rich], preview, inIt, told: { previewed, made, followed } };
  });
  expect(live.told).toEqual({ previewed: [[['early'], []], [['late'], []]], made: [['early'], ['late']], followed: ['early', 'late'] });
  expect(archived.told).toEqual(live.told);
  const { workspace, segmentIds: [often = '', rich = ''], preview, inIt } = archived;
  await archiving.drop(workspace.id);
  await until(async () => [await inIt(often), await inIt(rich)], (seen) => seen.flat().length === 0);
  expect([await preview(thrice), await preview(much)]).toEqual([[[], ['HISTORY_DROPPED']], [[], ['HISTORY_DROPPED']]]);
  expect(await preview(performed('Order Completed', 1, { atLeast: 2 }))).toEqual([['late', 'new'], []]);
  await defining.settled(workspace, often);
  // What stays is still counted, with what comes.
  await send(workspace, bought('new', 0));
  expect(await until(() => inIt(often), (seen) => seen.length > 0)).toEqual(['new']);
}, 120_000);

test('the latest events of customers are the same, and files are opened only for whom the table has too few', async () => {
  const looked: string[][] = [];
  const counting = new EventHistory({
    ...openArtifactStore(house.platform.artifactUrl),
    checkedFile: (path: string, sha256: string) => {
      looked.push([path]);
      return openArtifactStore(house.platform.artifactUrl).checkedFile(path, sha256);
    },
  } as never);
  const repository = new HistoryRepository(serving, counting);
  const [live, archived] = await twins(async (workspace, archive) => {
    await send(workspace, ...[70, 69, 0.03, 0.02, 0.01].map((daysAgo) => ({ userId: 'both', daysAgo })), { userId: 'old', daysAgo: 70 }, { userId: 'old', daysAgo: 0.01, name: 'Late' });
    // Arrives when its month has gone already: older than what files hold.
    await archive();
    await send(workspace, { userId: 'both', daysAgo: 69.5 });
    const known = await names(workspace);
    const ids = [...known.keys()];
    const ask = async (most: number) => {
      const found = await repository.events(workspace.id, ids, most);
      return Object.fromEntries([...found].map(([id, events]) => [known.get(id), events.map(({ name, occurredAt }) => [name, occurredAt])]));
    };
    const answers = [await ask(100), await ask(5)];
    const before = looked.length;
    const both = ids.filter((id) => known.get(id) === 'both');
    const few = (await repository.events(workspace.id, both, 3)).get(both[0] ?? '')?.length;
    expect(looked.length).toBe(before);
    return [...answers, few];
  });
  expect(looked.length).toBeGreaterThan(0);
  expect(archived).toEqual(live);
});

test('what files hold of a customer is read once while the files stay as they are, whatever else happens; others are read beside it, and a new archive or an erasure has it read anew', async () => {
  const opened: string[] = [];
  const artifacts = openArtifactStore(house.platform.artifactUrl);
  const kept = new KeptHistory({ ...artifacts, checkedFile: (path: string, sha256: string) => (opened.push(path), artifacts.checkedFile(path, sha256)) } as never);
  const workspace = await house.workspace();
  /** Of the month that is so many before this one, in days ago. */
  const dayOf = (month: number, day: number) => (START - Date.UTC(new Date(START).getUTCFullYear(), new Date(START).getUTCMonth() - month, day)) / DAY;
  const bought = (userId: string, daysAgo: number) => ({ userId, daysAgo });
  const viewed = (userId: string, daysAgo: number) => ({ userId, daysAgo, name: 'Product Viewed' });
  await send(workspace, bought('one', dayOf(2, 9)), bought('one', dayOf(2, 8)), bought('one', dayOf(3, 9)), viewed('one', dayOf(2, 9)), bought('other', dayOf(2, 7)), viewed('viewer', dayOf(2, 6)));
  await archiving.archive(workspace.id);
  const known = new Map([...(await names(workspace))].map(([id, name]) => [name, id]));
  /** How many events are read of whom, and how many files are opened for that. */
  const ask = async (userIds: readonly string[], ...events: string[]) => {
    const before = opened.length;
    const customerIds = userIds.map((userId) => known.get(userId) ?? '');
    const counts = await serving.onConnection(workspace.id, async (client) => {
      const source = await kept.open(client, { customerIds, names: events, isBehaviour: true });
      const { rows } = await client.query<{ id: string; count: number }>(
        `select customer_id as id, count(*)::int as count from ${source} f where name = any($1) and customer_id = any($2) group by 1`, [events, customerIds]);
      return new Map(rows.map(({ id, count }) => [id, count]));
    });
    return [...customerIds.map((id) => counts.get(id) ?? 0), opened.length - before];
  };
  expect(await ask(['one'], 'Order Completed')).toEqual([3, 2]);
  await send(workspace, bought('one', 0));
  expect(await ask(['one'], 'Order Completed')).toEqual([4, 0]);
  expect(await ask(['one', 'other', 'viewer'], 'Order Completed')).toEqual([4, 1, 0, 1]);
  expect(await ask(['viewer', 'other', 'one'], 'Order Completed')).toEqual([0, 1, 4, 0]);
  expect(await ask(['one'], 'Product Viewed')).toEqual([1, 1]);
  // Events that come late for a month make a second archive of it.
  await send(workspace, bought('one', dayOf(2, 5)));
  expect(await ask(['one'], 'Order Completed')).toEqual([5, 0]);
  await archiving.archive(workspace.id);
  expect(await ask(['one', 'other'], 'Order Completed')).toEqual([5, 1, 3]);
  expect(await ask(['one'], 'Order Completed')).toEqual([5, 0]);
  // Whoever is erased is found no more, and others of the same file are read from the one in its place.
  await archiving.forget(workspace.id, 'other');
  expect(await ask(['other'], 'Order Completed')).toEqual([0, 0]);
  expect(await ask(['one'], 'Order Completed')).toEqual([5, 3]);
  await archiving.drop(workspace.id);
  expect(await ask(['one', 'other'], 'Order Completed')).toEqual([1, 0, 0]);
});

test('archives are read no further once the time is over', async () => {
  const told = await twins(async (workspace, archive) => {
    await send(workspace, { userId: 'somebody', daysAgo: 70 });
    await archive();
    const open = (signal: AbortSignal) => serving.onConnection(workspace.id, (client) => history.open(client, {}, signal));
    const ended = await open(AbortSignal.abort(new Error('the time is over'))).catch((error: Error) => error.message);
    return [await open(AbortSignal.timeout(60_000)), ended];
  });
  expect(told).toEqual([[FEED, FEED], [HISTORY, 'the time is over']]);
});
