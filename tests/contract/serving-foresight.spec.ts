import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { readItemTable } from '../../apps/serving/src/foresight/item.table.js';
import { recommend } from '../../apps/serving/src/foresight/recommendation.js';
import { openArtifactStore } from '#libs/artifacts';
import { foresight } from '#libs/contracts';
import { temporaryFolder } from '#libs/embedded';

import { model, ServingHouse, type ServingReplica, type TestModel, type TestWorkspace } from './serving-house.js';

const DAY = 86_400_000;
/** As many as the fake worker's embeddings have. */
const WIDTH = 4;
const REASONS = { bought_before: 'BOUGHT_BEFORE', goes_with: 'GOES_WITH', popular: 'POPULAR', taste: 'TASTE' } as const;

interface Told {
  readonly item: string;
  readonly score: number;
  readonly reason: keyof typeof REASONS;
  readonly companion: string;
}

let house: ServingHouse;
let replica: ServingReplica;
/** Made by the worker's own code, once. */
let made: string;
beforeAll(async () => {
  made = await temporaryFolder('kindred-items');
  const making = promisify(execFile)(resolve('.venv/bin/python'), [resolve('apps/gpu-worker/tests/make_items.py'), made, String(WIDTH)]);
  house = await ServingHouse.open();
  [replica] = await Promise.all([house.start({ FEED_POLL_MS: '300' }), making]);
});
afterAll(async () => {
  await house?.close();
  await rm(made, { recursive: true, force: true });
});

/** A bundle with a table of items as the worker writes it, and what the worker recommends by it. */
async function bundleOfItems(workspaceId: string): Promise<{ bundle: TestModel; hash: string; folder: string }> {
  const id = randomUUID();
  const folder = join(fileURLToPath(house.platform.artifactUrl), workspaceId, 'models', id);
  await cp(made, folder, { recursive: true });
  const hash = createHash('sha256').update(await readFile(join(folder, 'bundle.json'))).digest('hex');
  return { bundle: { id, uri: pathToFileURL(folder).href }, hash, folder };
}

async function serve(workspace: TestWorkspace, bundle: TestModel, hash?: string): Promise<void> {
  await house.prepare(replica, workspace, bundle, hash ? { modelHash: hash } : {});
  await replica.activation.activate({ modelId: bundle.id, fence: 1 }, workspace.service);
}

const order = (customerId: string, items: readonly string[], daysAgo: number) => ({
  customerId,
  name: 'Order Completed',
  at: Date.now() - daysAgo * DAY,
  properties: { products: items.map((product_id) => ({ product_id, quantity: 2 })) },
});

test('what serving recommends is what the worker recommends', async () => {
  const { bundle, hash, folder } = await bundleOfItems(randomUUID());
  const table = await readItemTable(openArtifactStore(house.platform.artifactUrl), bundle.uri, hash);
  if (!table) throw new Error('the bundle has no items');
  const { at, people } = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8')) as {
    at: number;
    people: { baskets: { at: number; items: string[] }[]; embedding: number[]; all: Told[]; others: Told[] }[];
  };
  expect(people.length).toBeGreaterThan(20);
  for (const { baskets, embedding, all, others } of people) {
    const known = baskets.map((basket) => ({ at: basket.at, items: basket.items.map((word) => table.places.get(word) ?? -1) }));
    for (const [excludeOwned, told] of [[false, all], [true, others]] as const) {
      const found = recommend(table, known, Float32Array.from(embedding), at, { first: 8, excludeOwned });
      expect(found.map(({ item, reason, goesWith }) => [item, reason, goesWith])).toEqual(
        told.map(({ item, reason, companion }) => [item, foresight.RecommendationReason[REASONS[reason]], companion]),
      );
      for (const [place, { score }] of found.entries()) expect(score).toBeCloseTo(told[place]?.score ?? 0, 4);
    }
  }
  const reasons = new Set(people.flatMap(({ all, others }) => [...all, ...others].map(({ reason }) => reason)));
  expect([...reasons].toSorted()).toEqual(Object.keys(REASONS).toSorted());
});

test('a customer is recommended items at once after an order, without the worker; what they own is left out when asked', async () => {
  const workspace = await house.workspace();
  const [buyer = '', unread = ''] = await house.customers(workspace.id, 2);
  await house.track(workspace.id, [order(buyer, ['item 3', 'item 3', 'no such item'], 9)]);
  const { bundle, hash } = await bundleOfItems(workspace.id);
  await serve(workspace, bundle, hash);
  const asked = house.worker.batches.length;
  const ask = async (excludeOwned: boolean) =>
    (await replica.foresight.recommendItems({ customerIds: [buyer, unread, 'nonsense'], first: 30, excludeOwned, asOf: undefined }, workspace.call)).customers.map(({ items }) => items);
  const [items = [], ...nothing] = await ask(false);
  expect(nothing).toEqual([[], []]);
  expect(items.map(({ item }) => item).toSorted()).toEqual(Array.from({ length: 30 }, (_, at) => `item ${at}`).toSorted());
  expect(items.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
  expect(items.every(({ asOf, modelId }) => modelId === bundle.id && Date.parse(asOf ?? '') > 0)).toBe(true);
  const [others = []] = await ask(true);
  expect(others.map(({ item }) => item)).toEqual(items.map(({ item }) => item).filter((item) => item !== 'item 3'));
  expect(house.worker.batches.length).toBe(asked);

  await house.track(workspace.id, [order(buyer, ['item 7'], 0)], { hint: false });
  await house.untilShown(workspace.id);
  const [after = []] = await ask(true);
  expect(after.map(({ item }) => item)).not.toContain('item 7');
});

test('as of an earlier time items are recommended by what the customer had taken by then', async () => {
  const workspace = await house.workspace();
  const [buyer = ''] = await house.customers(workspace.id, 1);
  await house.track(workspace.id, [order(buyer, ['item 3'], 9), order(buyer, ['item 7'], 2)]);
  const { bundle, hash } = await bundleOfItems(workspace.id);
  await serve(workspace, bundle, hash);
  const ask = async (daysAgo: number) => {
    const asOf = new Date(Date.now() - daysAgo * DAY).toISOString();
    const { customers } = await replica.foresight.recommendItems({ customerIds: [buyer], first: 30, excludeOwned: true, asOf }, workspace.call);
    for (const item of customers[0]?.items ?? []) expect(item).toMatchObject({ asOf, modelId: bundle.id });
    return customers[0]?.items.map(({ item }) => item) ?? [];
  };
  const [now, then] = [await ask(0), await ask(5)];
  expect(['item 3', 'item 7'].map((item) => [now.includes(item), then.includes(item)])).toEqual([[false, false], [false, true]]);
  expect(await ask(20)).toEqual([]);
  await expect(ask(-1)).rejects.toMatchObject({ reason: 'AS_OF_INVALID' });
});

test('a model without a table of items recommends nothing, and a table that was changed is refused', async () => {
  const workspace = await house.workspace();
  const [customerId = ''] = await house.customers(workspace.id, 1);
  await house.track(workspace.id, [order(customerId, ['item 1'], 3)]);
  await serve(workspace, model());
  const none = await replica.foresight.recommendItems({ customerIds: [customerId], first: 3, excludeOwned: false, asOf: undefined }, workspace.call);
  expect(none.customers).toEqual([{ customerId, items: [] }]);

  const { bundle, hash, folder } = await bundleOfItems(workspace.id);
  const sidecar = join(folder, 'items.json');
  await writeFile(sidecar, (await readFile(sidecar, 'utf8')).replace('"item 1"', '"item X"'));
  await house.prepare(replica, workspace, bundle, { modelHash: hash });
  await replica.activation.activate({ modelId: bundle.id, fence: 2 }, workspace.service);
  await expect(replica.foresight.recommendItems({ customerIds: [customerId], first: 3, excludeOwned: false, asOf: undefined }, workspace.call)).rejects.toThrow('not the file that its model was sealed with');
});

test('a forecast says when, by which model and as of when; nothing is foreseen of whom the model has not read', async () => {
  const workspace = await house.workspace();
  const [often = '', unread = ''] = await house.customers(workspace.id, 2);
  await house.track(workspace.id, Array.from({ length: 6 }, (_, at) => order(often, [], 1 + at)));
  const first = model();
  await serve(workspace, first);
  const { customers, modelId } = await replica.foresight.getForecasts({ customerIds: [often, unread, 'nonsense'] }, workspace.call);
  expect(modelId).toBe(first.id);
  expect(customers.map(({ forecasts }) => forecasts.length)).toEqual([1, 0, 0]);
  const [told] = customers[0]?.forecasts ?? [];
  expect(told).toMatchObject({ event: 'Order Completed', horizonDays: 30, probability: 0.6, latestAt: undefined, modelId: first.id });
  // By a constant hazard: 30 days times log 0.5 over log 0.4, and log 0.9 over log 0.4.
  const days = (iso: string | undefined) => (Date.parse(iso ?? '') - Date.parse(told?.asOf ?? '')) / DAY;
  expect(days(told?.expectedAt)).toBeCloseTo((30 * Math.log(0.5)) / Math.log(0.4), 3);
  expect(days(told?.earliestAt)).toBeCloseTo((30 * Math.log(0.9)) / Math.log(0.4), 3);
});

test('events are judged in one question to the worker; what is no event of the customer, or cannot be read, is not judged', async () => {
  const workspace = await house.workspace();
  const [one = '', two = '', poisoned = ''] = await house.customers(workspace.id, 3);
  await house.track(workspace.id, [
    ...[5, 4, 3].map((daysAgo) => order(one, [], daysAgo)),
    { customerId: one, name: 'Alien', at: Date.now() - DAY },
    { customerId: two, name: 'Alien', at: Date.now() - DAY },
    { customerId: poisoned, name: 'Order Completed', at: Date.now() - DAY },
  ]);
  await serve(workspace, model());
  await house.track(workspace.id, [{ customerId: poisoned, name: 'Poison' }]);
  const { rows } = await house.owner.query<{ id: string; customer: string; name: string }>(
    'select id, subject_id as customer, name from ingestion.events where workspace_id = $1 order by occurred_at, sequence',
    [workspace.id],
  );
  const events = [...rows.map(({ id, customer }) => ({ eventId: id, customerId: customer })), { eventId: rows[0]?.id ?? '', customerId: two }];
  const before = house.worker.judged.length;
  const answer = await replica.foresight.getEventNovelty({ events: events.slice(0, -1) }, workspace.call);
  expect(house.worker.judged.slice(before)).toEqual([3]);
  const byName = new Map(rows.map(({ name, customer }, at) => [`${name} ${customer}`, answer.events[at]?.novelty]));
  expect(byName.get(`Alien ${one}`)).toBeCloseTo(1 / 1.03, 9);
  expect(byName.get(`Alien ${two}`)).toBe(1);
  expect(byName.get(`Order Completed ${one}`)).toBe(0.1);
  expect(byName.get(`Order Completed ${poisoned}`)).toBeUndefined();
  const nameless = events.slice(0, 1).flatMap(({ customerId }) => ['no id', '\0'].map((eventId) => ({ customerId, eventId })));
  expect((await replica.foresight.getEventNovelty({ events: nameless }, workspace.call)).events.map(({ novelty }) => novelty)).toEqual([undefined, undefined]);
  const strange = await replica.foresight.getEventNovelty({ events: events.slice(-1) }, workspace.call);
  expect(strange.events).toEqual([{ eventId: rows[0]?.id, novelty: undefined }]);
});

test('too many at once are refused with the number that is taken', async () => {
  const workspace = await house.workspace();
  const customerIds = Array.from({ length: 101 }, () => randomUUID());
  await expect(replica.foresight.recommendItems({ customerIds, first: 1, excludeOwned: false, asOf: undefined }, workspace.call)).rejects.toThrow('At most 100');
  await expect(replica.foresight.getEventNovelty({ events: customerIds.map((customerId) => ({ customerId, eventId: customerId })) }, workspace.call)).rejects.toThrow('At most 500 events of at most 100');
});
