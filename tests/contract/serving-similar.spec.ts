import { connect } from '#libs/grpc';
import { forgetting, type similar } from '#libs/contracts';

import { membersOf, model, ServingHouse, type ServingReplica, similarTo, type TestWorkspace, until } from './serving-house.js';
import { statesOf } from './serving-states.js';

const DAY = 86_400_000;

let house: ServingHouse;
beforeAll(async () => {
  house = await ServingHouse.open();
});
afterAll(() => house.close());

/** A workspace whose customers have made 0, 1, 2 … orders beside one view, and are served. */
async function shop(replica: ServingReplica, size: number): Promise<{ workspace: TestWorkspace; customers: string[] }> {
  const workspace = await house.workspace();
  const customers = await house.customers(workspace.id, size);
  const at = Date.now() - DAY;
  await house.track(workspace.id, customers.flatMap((customerId, orders) => [{ customerId, at }, ...Array.from({ length: orders }, () => ({ customerId, name: 'Order Completed', at }))]));
  const drawn = model();
  await house.prepare(replica, workspace, drawn);
  await replica.activation.activate({ modelId: drawn.id, fence: 1 }, workspace.service);
  return { workspace, customers };
}

function cosine(one: Buffer, other: Buffer): number {
  const floats = (bytes: Buffer) => Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
  const [a, b] = [floats(one), floats(other)];
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The slow way: everyone's state beside those of the seeds. */
async function nearest({ id }: TestWorkspace, seeds: readonly string[], count: number): Promise<number[]> {
  const states = await statesOf(house, id);
  const from = states.filter(({ customer }) => seeds.includes(customer));
  return states.filter(({ customer }) => !seeds.includes(customer)).map(({ embedding }) => Math.max(...from.map((seed) => cosine(seed.embedding, embedding)))).sort((a, b) => b - a).slice(0, count);
}

const told = (customers: readonly similar.SimilarCustomer[]) => customers.map(({ similarity }) => Number(similarity.toFixed(6)));
const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(6)));

test('similar customers and look-alikes are those whom the slow way finds, and the answer says how they were searched', async () => {
  const replica = await house.start();
  const { workspace, customers } = await shop(replica, 30);
  const [one = '', other = ''] = [customers[4], customers[20]];
  const alone = await similarTo(replica, workspace, one, 7);
  expect(told(alone)).toEqual(rounded(await nearest(workspace, [one], 7)));
  const each = await replica.similarity.listSimilarToCustomers({ customerIds: [other, 'no id', one.toUpperCase()], first: 7 }, workspace.call);
  expect(each.customers.map(({ neighbours }) => neighbours)).toEqual([await similarTo(replica, workspace, other, 7), [], alone]);
  expect(each.search).toMatchObject({ isExact: true, recall: 1, customers: 30, builtAt: undefined });
  const many = replica.similarity.listSimilarToCustomers({ customerIds: Array.from({ length: 101 }, () => one), first: 1 }, workspace.call);
  await expect(many).rejects.toMatchObject({ reason: 'TOO_MANY_IDS' });
  const both = await replica.similarity.listLookAlikes({ userIds: [`user-${one}`, `user-${other}`], segmentId: '', first: 9 }, workspace.call);
  expect(both.seeds).toBe(2);
  expect(told(both.customers)).toEqual(rounded(await nearest(workspace, [one, other], 9)));
  const { customers: [placed] } = await replica.memberships.getCustomerMemberships({ customerIds: [one] }, workspace.call);
  const segmentId = placed?.memberships[0]?.segmentId ?? '';
  const { members } = await membersOf(replica, workspace, segmentId);
  const like = await replica.similarity.listLookAlikes({ userIds: [], segmentId, first: 5 }, workspace.call);
  expect(like.seeds).toBe(members.length);
  expect(told(like.customers)).toEqual(rounded(await nearest(workspace, members.map(({ customerId }) => customerId), 5)));
  await replica.stop();
});

test('an index answers beyond the size for it, follows whoever moves, and names nobody who was forgotten', async () => {
  const replica = await house.start({ SIMILAR_EXACT_UP_TO: '10', FEED_POLL_MS: '50' });
  const { workspace, customers } = await shop(replica, 40);
  const [, , one = '', neighbour = ''] = customers;
  const indexed = await until(() => replica.similarity.getSimilaritySearch({}, workspace.call), ({ search }) => search?.isExact === false);
  expect(indexed.search).toMatchObject({ customers: 40, recallSample: 40 });
  expect(indexed.search?.recall).toBeGreaterThan(0.9);
  const ask = (first = 3) => similarTo(replica, workspace, one, first);
  expect(told(await ask())).toEqual(rounded(await nearest(workspace, [one], 3)));
  expect((await ask()).map(({ customerId }) => customerId)).toContain(neighbour);
  const forgets = connect(forgetting.ForgettingServiceService, replica.address);
  await forgets.forgetCustomers({ customerIds: [neighbour] }, workspace.service);
  forgets.close();
  const after = await ask(100);
  expect(after.map(({ customerId }) => customerId)).not.toContain(neighbour);
  expect(after).toHaveLength(38);
  // Somebody new does what that one did.
  const [newcomer = ''] = await house.customers(workspace.id, 1);
  const at = Date.now() - DAY;
  await house.track(workspace.id, [{ customerId: newcomer, at }, ...Array.from({ length: 2 }, () => ({ customerId: newcomer, name: 'Order Completed', at }))]);
  await until(() => ask(), ([first]) => first?.customerId === newcomer, 20_000);
  await replica.stop();
}, 60_000);

test('what cannot be asked is refused, and before a model is served nobody is similar', async () => {
  const replica = await house.start();
  const workspace = await house.workspace();
  expect(await replica.similarity.getSimilaritySearch({}, workspace.call)).toEqual({ search: undefined });
  const [someone = ''] = await house.customers(workspace.id, 1);
  expect(await similarTo(replica, workspace, someone, 3)).toEqual([]);
  const refused = (request: Partial<similar.ListLookAlikesRequest>) =>
    replica.similarity.listLookAlikes({ userIds: [], segmentId: '', first: 3, ...request }, workspace.call).then(() => 'answered', ({ reason }: { reason: string }) => reason);
  expect(await refused({})).toBe('SEEDS_INVALID');
  expect(await refused({ userIds: ['user-a'], segmentId: someone })).toBe('SEEDS_INVALID');
  const { definition: nobodys } = await replica.definitions.createDefinedSegment({ name: 'Nobody', description: '', condition: undefined, customers: { userIds: [] } }, workspace.call);
  expect(await refused({ segmentId: nobodys?.segmentId ?? '' })).toBe('SEEDS_INVALID');
  const other = await house.workspace();
  const { definition: others } = await replica.definitions.createDefinedSegment({ name: 'Nobody', description: '', condition: undefined, customers: { userIds: [] } }, other.call);
  for (const segmentId of [someone, 'zzz', others?.segmentId ?? '']) expect(await refused({ segmentId })).toBe('SEGMENT_UNKNOWN');
  expect(await refused({ userIds: ['ghost'] })).toBe('CUSTOMER_UNKNOWN');
  expect(await refused({ userIds: Array.from({ length: 501 }, (_, i) => `user-${i}`) })).toBe('TOO_MANY_CUSTOMERS');
  expect(await refused({ userIds: ['user-a'], first: 101 })).toBe('PAGE_TOO_LARGE');
  await replica.stop();
});
