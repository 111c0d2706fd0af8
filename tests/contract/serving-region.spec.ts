import fc from 'fast-check';

import { connect } from '#libs/grpc';
import { forgetting, type region, type serving } from '#libs/contracts';

import { condition, Defining, rule } from './defining.js';
import { membersOf, model, ServingHouse, type ServingReplica, type TestModel, type TestWorkspace, until } from './serving-house.js';
import { statesOf, type StoredState } from './serving-states.js';

const DAY = 86_400_000;
const CUSTOMERS = 24;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
});
afterAll(() => house.close());

/** Customers of three kinds: some with a few orders, some with many, some who only look. */
async function shop(): Promise<{ workspace: TestWorkspace; customers: string[]; drawn: TestModel }> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, CUSTOMERS);
  const events = customers.flatMap((customerId, at) => {
    const orders = [1, 8, 0][at % 3] ?? 0;
    return Array.from({ length: 3 + orders + (at % 4) }, (_, n) => ({ customerId, name: n < orders ? 'Order Completed' : 'Product Viewed', at: Date.now() - DAY - n * 1_000 }));
  });
  await house.track(workspace.id, events);
  const drawn = model();
  await serve(workspace, drawn, 1);
  return { workspace, customers, drawn };
}

async function serve(workspace: TestWorkspace, drawn: TestModel, fence: number): Promise<void> {
  await house.prepare(replica, workspace, drawn);
  await replica.activation.activate({ modelId: drawn.id, fence }, workspace.service);
}

const like = (ids: readonly string[]): region.Examples => ({ userIds: ids.map((id) => `user-${id}`), lasso: [] });

async function create({ call }: TestWorkspace, examples: region.Examples, threshold?: number, name = 'Like these'): Promise<string> {
  return (await replica.regions.createExampleSegment({ name, description: '', examples, threshold }, call)).segmentId;
}

const settled = ({ call }: TestWorkspace, segmentId: string) => until(() => replica.regions.getExampleSegment({ segmentId }, call), ({ progress }) => progress === 1);

async function members(workspace: TestWorkspace, segmentId: string): Promise<string[]> {
  const answer = await membersOf(replica, workspace, segmentId);
  expect(answer.pageInfo?.totalCount).toBe(answer.members.length);
  return answer.members.map(({ customerId }) => customerId).sort();
}

const floats = (bytes: Buffer) => Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The slow way, from the definition: how close somebody is to the examples, where everyone who is there stands for all. */
function closenessBy(everyone: readonly StoredState[], examples: readonly string[]): (embedding: Buffer) => number {
  const crowd = everyone.map(({ embedding }) => floats(embedding));
  const points = everyone.filter(({ customer }) => examples.includes(customer)).map(({ embedding }) => floats(embedding));
  const spread = (crowd[0] ?? []).reduce((sum, _, i) => {
    const values = crowd.map((row) => row[i] ?? 0);
    return sum + mean(values.map((value) => (value - mean(values)) ** 2));
  }, 0);
  const kernel = (a: readonly number[], b: readonly number[]) => Math.exp(-a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0) / (spread / 4));
  const density = (rows: readonly number[][], at: readonly number[]) => mean(rows.map((row) => kernel(row, at)));
  const densest = Math.max(...crowd.map((row) => density(crowd, row)));
  const share = (beside: number, at: readonly number[]) => beside / (density(crowd, at) + 0.001 * densest);
  const left = points.map((at, own) => share(mean(points.filter((_, other) => other !== own).map((row) => kernel(row, at))), at)).sort((a, b) => a - b);
  const usual = mean([left[Math.floor((left.length - 1) / 2)] ?? 0, left[Math.ceil((left.length - 1) / 2)] ?? 0]);
  return (embedding) => {
    const own = share(density(points, floats(embedding)), floats(embedding));
    return own / (own + usual);
  };
}

const happening = fc.record({ who: fc.nat(CUSTOMERS - 1), name: fc.constantFrom('Order Completed', 'Product Viewed'), times: fc.integer({ min: 1, max: 9 }) });

test('whatever the examples, the threshold and what happens later, those in it are who the slow way says', async () => {
  const { workspace, customers } = await shop();
  const chosen = fc.uniqueArray(fc.nat(CUSTOMERS - 1), { minLength: 3, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(chosen, fc.double({ min: 0.05, max: 0.9, noNaN: true }), fc.array(happening, { minLength: 1, maxLength: 5 }), async (who, threshold, later) => {
      const examples = who.map((at) => customers[at] ?? '');
      const before = await statesOf(house, workspace.id);
      const close = closenessBy(before, examples);
      const right = before.filter(({ embedding }) => close(embedding) >= threshold).map(({ customer }) => customer).sort();
      const previewed = await replica.regions.previewExampleSegment({ examples: like(examples), segmentId: '', threshold, withRule: false }, workspace.call);
      expect(previewed).toMatchObject({ size: right.length, population: CUSTOMERS, isExact: true, examples: examples.length });
      const within = (least: number) => before.filter(({ embedding }) => close(embedding) >= least).length;
      for (const { threshold: least, size } of previewed.sizes) {
        // Sums in another order differ in their last digits.
        expect(size).toBeGreaterThanOrEqual(within(least + 1e-6));
        expect(size).toBeLessThanOrEqual(within(least - 1e-6));
      }
      const segmentId = await create(workspace, like(examples), threshold);
      await settled(workspace, segmentId);
      expect(await members(workspace, segmentId)).toEqual(right);

      const total = before.reduce((sum, { events }) => sum + events, 0) + later.reduce((sum, { times }) => sum + times, 0);
      await house.track(workspace.id, later.flatMap(({ who: at, name, times }) => Array.from({ length: times }, () => ({ customerId: customers[at] ?? '', name }))));
      const after = await until(() => statesOf(house, workspace.id), (states) => states.reduce((sum, { events }) => sum + events, 0) === total);
      const are = await members(workspace, segmentId);
      for (const { customer, embedding } of after) {
        const value = close(embedding);
        if (value >= threshold + 1e-9) expect(are).toContain(customer);
        else if (value < threshold * 0.85 - 1e-9) expect(are).not.toContain(customer);
        // Between the two, at the border, one stays as one was; who was never so close is out.
        else if (!right.includes(customer) && !later.some(({ who: at }) => customers[at] === customer)) expect(are).not.toContain(customer);
      }
      await replica.definitions.deleteDefinedSegment({ segmentId }, workspace.call);
      expect(await members(workspace, segmentId)).toEqual([]);
    }),
    { numRuns: 12 },
  );
}, 120_000);

test('an area of the map names those within it, whatever its form', async () => {
  const { workspace } = await shop();
  const { points } = await replica.segments.getCustomerMap({ sample: 100 }, workspace.call);
  // No corner and no side of an area runs through anybody.
  const corner = fc.record({ x: fc.integer({ min: -2, max: 12 }).map((x) => x + 0.37), y: fc.integer({ min: -20, max: 40 }).map((y) => y / 10 + 0.03) });
  // However its side crosses itself: what it goes around at all is within.
  const isWithin = (corners: readonly region.MapPlace[], { x, y }: serving.MapPoint): boolean =>
    corners.reduce((winding, a, at) => {
      const b = corners[(at + 1) % corners.length] ?? a;
      const left = (b.x - a.x) * (y - a.y) - (x - a.x) * (b.y - a.y);
      return winding + (a.y <= y && b.y > y && left > 0 ? 1 : a.y > y && b.y <= y && left < 0 ? -1 : 0);
    }, 0) !== 0;
  await fc.assert(
    fc.asyncProperty(fc.array(corner, { minLength: 3, maxLength: 8 }), async (lasso) => {
      const within = points.filter((point) => isWithin(lasso, point)).length;
      const asked = replica.regions.previewExampleSegment({ examples: { userIds: [], lasso }, segmentId: '', threshold: undefined, withRule: false }, workspace.call);
      const answer = await asked.catch(({ reason }: { reason: string }) => ({ examples: reason }));
      expect(answer.examples).toBe(within >= 3 ? within : 'EXAMPLES_INVALID');
    }),
    { numRuns: 60 },
  );
});

test('a threshold is moved, a new model carries the region over, and who is forgotten is in nothing of it', async () => {
  const { workspace, customers } = await shop();
  const examples = [customers[1], customers[4], customers[7], customers[10]].map((id) => id ?? '');
  const segmentId = await create(workspace, like(examples), 0.9);
  await settled(workspace, segmentId);
  const few = await members(workspace, segmentId);
  await replica.regions.moveThreshold({ segmentId, threshold: 0.1 }, workspace.call);
  await settled(workspace, segmentId);
  const many = await members(workspace, segmentId);
  expect(many.length).toBeGreaterThan(few.length);
  expect(many).toEqual(expect.arrayContaining(few));

  const next = model();
  await serve(workspace, next, 2);
  await until(() => replica.regions.getExampleSegment({ segmentId }, workspace.call), ({ modelId, progress }) => modelId === next.id && progress === 1);
  expect(await members(workspace, segmentId)).toEqual(many);

  const [gone = ''] = examples;
  const forgets = connect(forgetting.ForgettingServiceService, replica.address);
  await forgets.forgetCustomers({ customerIds: [gone] }, workspace.service);
  forgets.close();
  const after = await settled(workspace, segmentId);
  expect(after.examples).toBe(3);
  expect(await members(workspace, segmentId)).not.toContain(gone);
  const { rowCount } = await house.owner.query('select from serving.segment_regions r where workspace_id = $1 and position($2 in r::text) > 0', [workspace.id, gone]);
  expect(rowCount).toBe(0);
});

test('a threshold that is moved makes of a segment who was previewed, however everyone has changed since it was drawn', async () => {
  const { workspace, customers } = await shop();
  const examples = [customers[1], customers[4], customers[7], customers[10]].map((id) => id ?? '');
  const segmentId = await create(workspace, like(examples), 0.5);
  await settled(workspace, segmentId);
  // Half of all, an example among them, order on: drawn now, the region would lie elsewhere.
  const before = (await statesOf(house, workspace.id)).reduce((sum, { events }) => sum + events, 0);
  const later = customers.slice(0, 6).flatMap((customerId, at) => Array.from({ length: 4 + 3 * at }, () => ({ customerId, name: 'Order Completed' })));
  await house.track(workspace.id, later);
  await until(() => statesOf(house, workspace.id), (states) => states.reduce((sum, { events }) => sum + events, 0) === before + later.length);
  for (const threshold of [0.05, 0.3, 0.6]) {
    const previewed = await replica.regions.previewExampleSegment({ examples: undefined, segmentId, threshold, withRule: false }, workspace.call);
    await replica.regions.moveThreshold({ segmentId, threshold }, workspace.call);
    await settled(workspace, segmentId);
    expect([threshold, (await members(workspace, segmentId)).length]).toEqual([threshold, previewed.size]);
  }
});

test('how close a customer is to a region is told, with the examples that are most like them', async () => {
  const { workspace, customers } = await shop();
  const examples = [customers[1], customers[4], customers[7], customers[10]].map((id) => id ?? '');
  const segmentId = await create(workspace, like(examples), 0.4);
  await settled(workspace, segmentId);
  const states = await statesOf(house, workspace.id);
  const close = closenessBy(states, examples);
  const find = (customerId: string) => replica.regions.findCloseness({ segmentId, customerId }, workspace.call);
  const are = await members(workspace, segmentId);
  for (const { customer, embedding } of states) {
    const found = await find(customer);
    expect(found.closeness).toBeCloseTo(close(embedding), 9);
    expect((found.closeness ?? 0) >= found.threshold).toBe(are.includes(customer));
    expect(found.examples.map(({ customerId }) => customerId).sort()).toEqual(examples.filter((id) => id !== customer).sort());
    const similar = found.examples.map(({ similarity }) => similarity);
    expect(similar).toEqual([...similar].sort((a, b) => b - a));
  }
  const nobody = await find('no id');
  expect(nobody.closeness).toBeUndefined();
  expect(nobody).toMatchObject({ threshold: 0.4, leavesBelow: 0.34, examples: [] });
  await expect(replica.regions.findCloseness({ segmentId: examples[0] ?? '', customerId: examples[0] ?? '' }, workspace.call)).rejects.toMatchObject({ reason: 'SEGMENT_UNKNOWN' });
});

test('whom another model brings into a region or out of it, and into rules over it, is told of as moved by the promotion', async () => {
  const { workspace, customers } = await shop();
  const examples = [customers[1], customers[4], customers[7], customers[10]].map((id) => id ?? '');
  const segmentId = await create(workspace, like(examples), 0.1);
  await settled(workspace, segmentId);
  const defining = new Defining(house, replica);
  const outside = await defining.create(workspace, rule('Not like these', condition({ not: condition({ memberOf: segmentId }) })));
  await defining.settled(workspace, outside);
  const before = await members(workspace, segmentId);
  const told = async () => {
    const { rows } = await house.owner.query<{ segment: string; customer: string; promoted: boolean }>(
      `select coalesce(to_segment_id, from_segment_id) as segment, customer_id as customer, by_promotion as promoted from serving.membership_changes
       where workspace_id = $1 and $2::uuid[] && array[from_segment_id, to_segment_id] order by xid, sequence`,
      [workspace.id, [segmentId, outside]],
    );
    return rows;
  };
  const made = await told();
  expect(made.filter(({ promoted }) => promoted)).toEqual([]);

  const next = model('folded');
  await serve(workspace, next, 2);
  await until(() => replica.regions.getExampleSegment({ segmentId }, workspace.call), ({ modelId, progress }) => modelId === next.id && progress === 1);
  const after = await members(workspace, segmentId);
  const moved = customers.filter((id) => before.includes(id) !== after.includes(id));
  expect(moved.length).toBeGreaterThan(0);
  const since = await until(async () => (await told()).slice(made.length), (seen) => seen.length === 2 * moved.length);
  for (const segment of [segmentId, outside]) expect(since.filter((one) => one.segment === segment).map(({ customer }) => customer).sort()).toEqual(moved.sort());
  expect(since.every(({ promoted }) => promoted)).toBe(true);

  // A threshold that a person moves is no change of model.
  await replica.regions.moveThreshold({ segmentId, threshold: 0.95 }, workspace.call);
  await settled(workspace, segmentId);
  const last = await until(async () => (await told()).slice(made.length + since.length), (seen) => seen.length > 0);
  expect(last.some(({ promoted }) => promoted)).toBe(false);
});

test('what cannot be a region is refused with why', async () => {
  const { workspace, customers } = await shop();
  const refused = (examples: region.Examples, threshold?: number) => create(workspace, examples, threshold).then(() => 'made', ({ reason }: { reason: string }) => reason);
  const three = like(customers.slice(0, 3));
  expect(await refused(like(customers.slice(0, 2)))).toBe('EXAMPLES_INVALID');
  expect(await refused({ userIds: [], lasso: [{ x: 0, y: 0 }, { x: 1, y: 1 }] })).toBe('EXAMPLES_INVALID');
  expect(await refused({ ...three, lasso: [{ x: 0, y: 0 }, { x: 1, y: 1 }, { x: 0, y: 1 }] })).toBe('EXAMPLES_INVALID');
  expect(await refused({ userIds: ['ghost', 'user-a', 'user-b'], lasso: [] })).toBe('CUSTOMER_UNKNOWN');
  for (const y of [1e308, -1e308, Number.NaN, Number.POSITIVE_INFINITY]) {
    const lasso = [{ x: 0, y: 0 }, { x: 1, y }, { x: 0, y: 1 }];
    await expect(replica.regions.previewExampleSegment({ examples: { userIds: [], lasso }, segmentId: '', threshold: undefined, withRule: false }, workspace.call)).rejects.toMatchObject({
      reason: 'EXAMPLES_INVALID', message: expect.stringMatching(/^examples\.lasso\[1\]\.y: a corner lies within 1,000,000,000 /), metadata: { path: 'examples.lasso[1].y' },
    });
  }
  expect(await refused(three, 1)).toBe('THRESHOLD_INVALID');
  expect(await refused(three, 0)).toBe('THRESHOLD_INVALID');
  expect(await refused(three)).toBe('made');
  expect(await refused(three)).toBe('NAME_TAKEN');
  const empty = await house.workspace();
  await expect(create(empty, three)).rejects.toMatchObject({ reason: 'EXAMPLES_INVALID' });
});
