import { access, forgetting, serving, worker } from '#libs/contracts';
import { connect } from '#libs/grpc';

import { model, ServingHouse, type ServingReplica, type TestWorkspace, until } from './serving-house.js';

const MINUTE = 60_000;
const DAY = 86_400_000;
/** Workspaces here live by their data, so that each moment of the story is known. */
const BEGAN = Date.parse('2011-12-08T10:00:00Z');
const MOVED = Date.parse('2011-12-08T11:00:00Z');
const { COARSER, MAIN, FINER } = worker.SegmentLevel;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
});
afterAll(() => house.close());

const iso = (at: number) => new Date(at).toISOString();
const orders = (customerId: string, count: number, at: number) => Array.from({ length: count }, () => ({ customerId, name: 'Order Completed', at }));

/** Customers with one order each at BEGAN; the first of them orders twice more at MOVED and is a frequent buyer from then on. */
async function story(count = 4) {
  const workspace = await house.workspace(access.Clock.DATA);
  const customers = await house.customers(workspace.id, count);
  await house.track(workspace.id, customers.flatMap((id) => orders(id, 1, BEGAN)));
  const first = model('family');
  await house.prepare(replica, workspace, first);
  await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
  const [mover = '', ...others] = customers;
  await house.track(workspace.id, orders(mover, 2, MOVED));
  await until(() => sizes(workspace), (seen) => seen['Many orders'] === 1);
  return { workspace, mover, others };
}

async function drawn(workspace: TestWorkspace, asOf?: number): Promise<serving.Segment[]> {
  const kind = serving.SegmentKind.UNSPECIFIED;
  const answers = await Promise.all(
    [COARSER, MAIN, FINER].map((level) => replica.segments.listSegments({ page: undefined, kind, modelId: '', level, asOf: asOf === undefined ? undefined : iso(asOf), brief: false }, workspace.call)),
  );
  return [...new Map(answers.flatMap(({ segments }) => segments).map((segment) => [segment.id, segment])).values()];
}
const sizes = async (workspace: TestWorkspace, asOf?: number) => Object.fromEntries((await drawn(workspace, asOf)).map(({ name, size }) => [name, size]));

/** Everyone in a segment at a time, page by page, and how many there are said to be. */
async function membersAt(workspace: TestWorkspace, segmentId: string, at: number, order = serving.MemberOrder.ID): Promise<{ ids: string[]; total: number }> {
  const ids: string[] = [];
  for (let after = ''; ; ) {
    const { segments: [page] } = await replica.history.listPastMembersOfSegments({ segmentIds: [segmentId], asOf: iso(at), page: { first: 2, after }, order }, workspace.call);
    ids.push(...(page?.members ?? []).map(({ customerId }) => customerId));
    if (!page?.pageInfo?.hasNextPage) return { ids: ids.toSorted(), total: page?.pageInfo?.totalCount ?? -1 };
    after = page.pageInfo.endCursor;
  }
}

async function placesAt(workspace: TestWorkspace, customerIds: string[], at: number): Promise<string[][]> {
  const names = new Map((await drawn(workspace)).map(({ id, name }) => [id, name]));
  const { customers } = await replica.history.getPastMemberships({ customerIds, asOf: iso(at) }, workspace.call);
  expect(customers.map(({ customerId }) => customerId)).toEqual(customerIds);
  return customers.map(({ memberships }) => memberships.map(({ segmentId }) => names.get(segmentId) ?? segmentId));
}

test('where a customer was is told as of the first moment, before a change, at it and after it', async () => {
  const { workspace, mover, others } = await story();
  const ids = [others[0] ?? '', mover];
  expect(await placesAt(workspace, ids, BEGAN)).toEqual([['Few orders'], ['Few orders']]);
  expect(await placesAt(workspace, ids, MOVED - 1)).toEqual([['Few orders'], ['Few orders']]);
  expect(await placesAt(workspace, ids, MOVED)).toEqual([['Few orders'], ['Many orders']]);
  await house.track(workspace.id, [{ customerId: others[1] ?? '', name: 'Product Viewed', at: MOVED + MINUTE }]);
  const later = await until(() => placesAt(workspace, ids, MOVED + MINUTE).catch(() => undefined), (seen) => seen !== undefined);
  expect(later).toEqual([['Few orders'], ['Many orders']]);
  const { customers } = await replica.history.getPastMemberships({ customerIds: [mover], asOf: iso(MOVED - 1) }, workspace.call);
  expect(customers[0]?.memberships[0]).toMatchObject({ since: iso(BEGAN) });
});

test('as of any time the members of a segment are as many as it counts, on every level, each in it once', async () => {
  const { workspace, mover, others } = await story(6);
  const few = (await drawn(workspace)).find(({ name }) => name === 'Few orders')?.id ?? '';
  expect((await membersAt(workspace, few, MOVED - 1)).ids).toEqual([mover, ...others].toSorted());
  expect((await membersAt(workspace, few, MOVED)).ids).toEqual(others.toSorted());
  for (const at of [BEGAN, BEGAN + MINUTE, MOVED - 1, MOVED]) {
    const segments = await drawn(workspace, at);
    expect(segments.map(({ name }) => name).toSorted()).toEqual(['Few orders', 'Gone quiet', 'Here', 'Lots of orders', 'Many orders', 'Some orders']);
    const together = await replica.history.listPastMembersOfSegments({ segmentIds: segments.map(({ id }) => id), asOf: iso(at), page: { first: 100, after: '' }, order: serving.MemberOrder.ID }, workspace.call);
    for (const [index, { id, size }] of segments.entries()) {
      const { ids, total } = await membersAt(workspace, id, at);
      expect([total, ids.length, new Set(ids).size]).toEqual([size, size, size]);
      expect((await membersAt(workspace, id, at, serving.MemberOrder.STRENGTH)).ids).toEqual(ids);
      const page = together.segments[index];
      expect([page?.segmentId, page?.pageInfo?.totalCount, page?.members.map(({ customerId }) => customerId).toSorted()]).toEqual([id, size, ids.toSorted()]);
    }
  }
});

test('whoever was erased is not in the past either, and nobody counts them there', async () => {
  const { workspace, mover, others } = await story();
  const forgettings = connect(forgetting.ForgettingServiceService, replica.address);
  await forgettings.forgetCustomers({ customerIds: [mover] }, workspace.service);
  forgettings.close();
  const few = (await drawn(workspace)).find(({ name }) => name === 'Few orders')?.id ?? '';
  expect(await membersAt(workspace, few, MOVED - 1)).toEqual({ ids: others.toSorted(), total: others.length });
  expect((await sizes(workspace, MOVED - 1))['Few orders']).toBe(others.length);
  expect(await placesAt(workspace, [mover], MOVED - 1)).toEqual([[]]);
});

describe('what cannot be answered is refused with what to ask instead:', () => {
  const asked = (workspace: TestWorkspace, at: number | undefined) => {
    const asOf = at === undefined ? undefined : iso(at);
    return [
      () => replica.history.getPastMemberships({ customerIds: [], asOf }, workspace.call),
      () => replica.history.listPastMembersOfSegments({ segmentIds: [], asOf, page: undefined, order: serving.MemberOrder.ID }, workspace.call),
    ];
  };

  test('a time before the first membership', async () => {
    const { workspace } = await story();
    for (const ask of asked(workspace, BEGAN - 1)) {
      await expect(ask()).rejects.toMatchObject({ reason: 'AS_OF_BEFORE_HISTORY', metadata: { since: iso(BEGAN) }, message: expect.stringContaining(`known from ${iso(BEGAN)} on`) });
    }
  });

  test('any time while no model was promoted', async () => {
    const workspace = await house.workspace();
    for (const ask of asked(workspace, Date.now() - DAY)) {
      await expect(ask()).rejects.toMatchObject({ reason: 'AS_OF_BEFORE_HISTORY', message: expect.stringContaining('Promote a model') });
    }
  });

  test('a time that has not come by the clock of the workspace, of sizes too', async () => {
    const { workspace } = await story();
    for (const ask of [...asked(workspace, MOVED + 1), () => drawn(workspace, MOVED + 1)]) {
      await expect(ask()).rejects.toMatchObject({ reason: 'AS_OF_INVALID', message: expect.stringContaining('Ask for that time or an earlier one') });
    }
    const live = await house.workspace();
    for (const ask of asked(live, Date.now() + DAY)) await expect(ask()).rejects.toMatchObject({ reason: 'AS_OF_INVALID' });
  });

  test('another model beside a time', async () => {
    const { workspace } = await story();
    const modelId = model().id;
    await expect(replica.segments.getSegments({ ids: [], modelId, asOf: iso(BEGAN) }, workspace.call)).rejects.toMatchObject({ reason: 'AS_OF_INVALID' });
  });

  test('no time at all, and more customers than are answered at once', async () => {
    const { workspace } = await story();
    for (const ask of asked(workspace, undefined)) await expect(ask()).rejects.toMatchObject({ reason: 'AS_OF_INVALID' });
    const customerIds = Array.from({ length: 501 }, () => 'x');
    await expect(replica.history.getPastMemberships({ customerIds, asOf: iso(MOVED) }, workspace.call)).rejects.toMatchObject({ reason: 'TOO_MANY_IDS' });
  });
});
