// Walks over all pages of a segment's members while events move them.
import { serving, worker } from '#libs/contracts';

import { membersOf, model, orders, ServingHouse, type ServingReplica, type TestEvent, type TestWorkspace, until } from './serving-house.js';

const { ID, STRENGTH } = serving.MemberOrder;

let house: ServingHouse;
let replica: ServingReplica;
beforeAll(async () => {
  house = await ServingHouse.open();
  replica = await house.start({ FEED_POLL_MS: '50' });
});
afterAll(() => house.close());

/** A shop whose customers never rest: with each step all strengths turn over, and three come, go on to more orders, and go on to many more. */
class Bustle {
  private events = 0;
  private step = 0;

  private constructor(
    readonly workspace: TestWorkspace,
    /** With one order and with three, in order of id: from the middle of each some move on, a step each; the others stay. */
    private readonly few: string[],
    private readonly some: string[],
    private readonly newcomers: string[],
  ) {}

  static async open(): Promise<Bustle> {
    const workspace = await house.workspace();
    const ids = await house.customers(workspace.id, 60);
    const every = (of: number) => ids.filter((_, at) => at % 3 === of);
    const bustle = new Bustle(workspace, every(0), every(1), every(2));
    await bustle.track([...bustle.few.flatMap((id) => orders(id, 1)), ...bustle.some.flatMap((id) => orders(id, 3))]);
    const first = model('family');
    await house.prepare(replica, workspace, first);
    await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
    await bustle.settled();
    return bustle;
  }

  /** Who is to be in it from the first to the last, however long it goes on. */
  staying(name: string): string[] {
    const [few, some] = [this.few, this.some].map((ids) => ids.filter((_, at) => at % 2 === 0));
    return { 'Few orders': few, 'Some orders': some, Here: [...this.few, ...this.some].toSorted() }[name] ?? [];
  }

  /** Some move, and nobody's strength is what it was. */
  async move(): Promise<void> {
    const at = this.step++;
    const strengthOf = (index: number) => 0.05 + ((index * 7 + at * 11) % 20) / 22;
    const one = (ids: string[]) => ids[(at * 2 + 1) % ids.length] ?? '';
    await this.track([
      ...orders(one(this.few), 2), ...orders(one(this.some), 3), ...orders(this.newcomers[at % this.newcomers.length] ?? '', 1),
      ...[this.few, this.some].flatMap((ids) => ids.map((customerId, index) => ({ customerId, properties: { strength: strengthOf(index) } }))),
    ]);
  }

  async settled(): Promise<void> {
    const seen = async () => (await house.owner.query<{ sum: number }>('select sum(events)::float8 as sum from serving.customer_states where workspace_id = $1', [this.workspace.id])).rows[0]?.sum;
    await until(seen, (sum) => sum === this.events);
  }

  async idOf(name: string): Promise<string> {
    const levels = [worker.SegmentLevel.COARSER, worker.SegmentLevel.MAIN, worker.SegmentLevel.FINER];
    const lists = await Promise.all(levels.map((level) => replica.segments.listSegments(serving.ListSegmentsRequest.fromPartial({ level }), this.workspace.call)));
    return lists.flatMap(({ segments }) => segments).find((segment) => segment.name === name)?.id ?? '';
  }

  private async track(events: TestEvent[]): Promise<void> {
    this.events += events.length;
    await house.track(this.workspace.id, events);
  }
}

/** Everyone that a walk in pages of three lists, with a move between any two of them. */
async function walk(bustle: Bustle, segmentId: string, order?: serving.MemberOrder): Promise<string[]> {
  const seen: string[] = [];
  for (let after = ''; ; ) {
    const { members, pageInfo } = await membersOf(replica, bustle.workspace, segmentId, { first: 3, after, ...(order === undefined ? {} : { order }) });
    seen.push(...members.map(({ customerId }) => customerId));
    if (!pageInfo?.hasNextPage) return seen;
    after = pageInfo.endCursor;
    await bustle.move();
    await bustle.settled();
  }
}

const timesEach = (ids: readonly string[], seen: readonly string[]) => ids.map((id) => seen.filter((one) => one === id).length);

test.each(['Few orders', 'Here', 'Some orders'])('whoever is in "%s" throughout is on exactly one of its pages, whatever moves between them', async (name) => {
  const bustle = await Bustle.open();
  const segmentId = await bustle.idOf(name);
  for (const order of [undefined, ID]) {
    const seen = await walk(bustle, segmentId, order);
    expect(timesEach(bustle.staying(name), seen)).toEqual(bustle.staying(name).map(() => 1));
    expect(new Set(seen).size).toBe(seen.length);
  }
  // Such a move is one: by strength some of them are on two pages or on none.
  const byStrength = await walk(bustle, segmentId, STRENGTH);
  expect(timesEach(bustle.staying(name), byStrength)).not.toEqual(bustle.staying(name).map(() => 1));
});

test('a count and its list agree at any moment, also amid moves, in either order', async () => {
  const bustle = await Bustle.open();
  const ids = await Promise.all(['Few orders', 'Here', 'Some orders', 'Many orders'].map((name) => bustle.idOf(name)));
  const sizes = new Set<string>();
  for (let step = 0; step < 12; step++) {
    await bustle.move();
    // While it is read.
    for (const order of [ID, STRENGTH, ID]) {
      const { segments } = await replica.segments.listMembersOfSegments({ segmentIds: ids, modelId: '', page: { first: 500, after: '' }, order }, bustle.workspace.call);
      const counted = segments.map(({ pageInfo }) => pageInfo?.totalCount);
      expect(segments.map(({ members }) => new Set(members.map(({ customerId }) => customerId)).size)).toEqual(counted);
      sizes.add(counted.join());
    }
  }
  await bustle.settled();
  expect(sizes.size).toBeGreaterThan(1);
});

test('a cursor of one order does not go on in the other', async () => {
  const bustle = await Bustle.open();
  const segmentId = await bustle.idOf('Few orders');
  for (const [order, other] of [[ID, STRENGTH], [STRENGTH, ID]] as const) {
    const { pageInfo } = await membersOf(replica, bustle.workspace, segmentId, { first: 3, order });
    await expect(membersOf(replica, bustle.workspace, segmentId, { first: 3, after: pageInfo?.endCursor ?? '', order: other })).rejects.toMatchObject({ reason: 'CURSOR_INVALID' });
  }
});
