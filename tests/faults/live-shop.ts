import type { serving } from '#libs/contracts';

import { model, type ServingHouse, type TestEvent, type TestModel, type TestWorkspace, until } from '../contract/serving-house.js';
import { expectRecomputed, statesOf } from '../contract/serving-states.js';
import { WebhookReceiver } from '../contract/webhook-receiver.js';
import type { ServingProcess } from './serving-process.js';

const DAY = 86_400_000;
const CUSTOMERS = 24;
const SETTLED_WITHIN_MS = 60_000;
/** Borderline ones among them, so that staying where one was is put to the test as well. */
const KINDS: readonly Omit<TestEvent, 'customerId'>[] = [
  { name: 'Order Completed' },
  { name: 'Product Viewed' },
  { name: 'Order Completed', properties: { strength: 0.5 } },
  { name: 'Cart Viewed' },
];

/** States are compared to the last bit besides. */
export const SOUND = {
  gaps: 0, misplaced: 0, miscounted: 0, hasMoved: true, brokenChains: [] as string[], isFollowedInOrder: true, isHookedInOrder: true,
};

/** A workspace whose customers move, a subscriber and a webhook that follow them, and what must be true of all that. */
export class LiveShop {
  private sent = CUSTOMERS;
  private rounds = 0;
  private readonly followed: serving.MembershipChange[] = [];
  private readonly going = new AbortController();
  private following: Promise<void> = Promise.resolve();

  private constructor(
    private readonly house: ServingHouse,
    private readonly replicas: () => readonly ServingProcess[],
    readonly workspace: TestWorkspace,
    private readonly customers: readonly string[],
    private readonly model: TestModel,
    private readonly receiver: WebhookReceiver,
  ) {}

  static async open(house: ServingHouse, replicas: () => readonly ServingProcess[]): Promise<LiveShop> {
    const [replica] = replicas();
    if (!replica) throw new Error('no replica runs');
    const workspace = await house.workspace();
    const customers = await house.customers(workspace.id, CUSTOMERS);
    await house.track(workspace.id, customers.map((customerId) => ({ customerId, name: 'Order Completed', at: Date.now() - 2 * DAY })));
    const first = model('window');
    await house.prepare(replica, workspace, first);
    await replica.activation.activate({ modelId: first.id, fence: 1 }, workspace.service);
    const receiver = await WebhookReceiver.listen();
    const { secret } = await replica.webhooks.createWebhook({ url: receiver.url, segments: { segmentIds: [] }, events: undefined }, workspace.admin);
    receiver.secret = secret;
    const shop = new LiveShop(house, replicas, workspace, customers, first, receiver);
    const { changes } = await replica.memberships.listMembershipChanges({ customerId: '', segmentId: '', page: { first: 1, after: '' } }, workspace.call);
    shop.following = shop.follow(changes[0]?.cursor ?? '');
    return shop;
  }

  /** Events of many customers, late and out of order, some of them without a hint. */
  async burst(rounds: number, { areHinted = true } = {}): Promise<void> {
    for (let count = 0; count < rounds; count++) {
      const round = this.rounds++;
      const events = this.customers.slice(round % 5).map((customerId, index) => ({
        ...KINDS[(round * 3 + index) % KINDS.length],
        customerId,
        at: Date.now() - ((round * 7 + index * 3) % 10) * DAY,
      }));
      this.sent += events.length;
      await this.house.track(this.workspace.id, events, { hint: areHinted && round % 3 !== 0 });
    }
  }

  async applied(): Promise<number> {
    return (await statesOf(this.house, this.workspace.id)).reduce((sum, { events }) => sum + events, 0);
  }

  /** Once all that was sent is applied and told: what is not as if it had been computed from nothing and told once, in order. */
  async verdict(): Promise<typeof SOUND> {
    await until(() => this.applied(), (events) => events === this.sent, SETTLED_WITHIN_MS);
    await expectRecomputed(this.house, this.workspace.id, this.model.uri);
    const changes = await this.changes();
    const cursors = changes.map(({ cursor }) => cursor);
    const followed = () => firstTimes(this.followed.map(({ cursor }) => cursor));
    // Signatures are not looked at here: they carry the sender's clock, which a test may have stepped.
    const hooked = () => firstTimes(this.receiver.accepted.map(({ event }) => event.properties.cursor));
    await until(async () => Math.min(followed().length, hooked().length), (count) => count >= cursors.length, SETTLED_WITHIN_MS);
    return {
      ...(await this.flaws()),
      hasMoved: changes.length > 0,
      brokenChains: brokenChains(changes),
      isFollowedInOrder: followed().join() === cursors.join(),
      isHookedInOrder: JSON.stringify(byCustomer(hooked(), changes)) === JSON.stringify(byCustomer(cursors, changes)),
    };
  }

  async close(): Promise<void> {
    this.going.abort();
    this.receiver.close();
    await this.following;
  }

  /** As a client does: from the last cursor it saw, at another replica when one is gone. */
  private async follow(cursor: string): Promise<void> {
    const { signal } = this.going;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const replica = this.replicas()[attempt % this.replicas().length];
      try {
        const after = this.followed.at(-1)?.cursor ?? cursor;
        const stream = replica?.memberships.watchMembershipChanges({ customerId: '', segmentId: '', after }, { ...this.workspace.call, signal });
        for await (const { change } of stream ?? []) if (change) this.followed.push(change);
      } catch {
        // It is gone: the next one is asked.
      }
    }
  }

  /** All changes but those of the promotion, oldest first. */
  private async changes(): Promise<serving.MembershipChange[]> {
    const [replica] = this.replicas();
    const all: serving.MembershipChange[] = [];
    for (let after = ''; ; ) {
      const page = await replica!.memberships.listMembershipChanges({ customerId: '', segmentId: '', page: { first: 500, after } }, this.workspace.call);
      all.push(...page.changes);
      if (!page.pageInfo?.hasNextPage) return all.filter(({ byPromotion }) => !byPromotion).reverse();
      after = page.pageInfo.endCursor;
    }
  }

  /** Gaps and overlaps in histories, customers who are not where their state says, and sizes that do not count. */
  private async flaws(): Promise<{ gaps: number; misplaced: number; miscounted: number }> {
    const { rows } = await this.house.owner.query<{ gaps: number; misplaced: number; miscounted: number }>(FLAWS, [this.workspace.id]);
    return rows[0] ?? { gaps: -1, misplaced: -1, miscounted: -1 };
  }
}

const FLAWS = `with spans as (
    select customer_id, since, until, lead(since) over w as next from serving.memberships
    where workspace_id = $1 and level = 0 window w as (partition by customer_id order by since, id)
  ), held as (
    select s.customer_id, v.segment_id from serving.customer_states s join serving.active_model a using (workspace_id, model_id)
      left join serving.segment_versions v using (workspace_id, model_id, segment_index) where s.workspace_id = $1
  ), current as (select customer_id, segment_id from serving.memberships where workspace_id = $1 and level = 0 and until is null),
  counted as (select segment_id, count(*) as members from current where segment_id is not null group by 1)
  select (select count(*)::int from spans where next is distinct from until) as gaps,
    (select count(*)::int from held full join current using (customer_id) where held.segment_id is distinct from current.segment_id) as misplaced,
    (select count(*)::int from counted c left join serving.segment_sizes z on z.workspace_id = $1 and z.segment_id = c.segment_id
      where z.members is distinct from c.members) as miscounted`;

/** Customers of whom one change does not begin where the one before it ended. */
function brokenChains(changes: readonly serving.MembershipChange[]): string[] {
  return [...Map.groupBy(changes, ({ customerId }) => customerId)]
    .filter(([, theirs]) => theirs.some(({ fromSegmentId }, at) => at > 0 && fromSegmentId !== theirs[at - 1]?.toSegmentId))
    .map(([customerId]) => customerId);
}

function firstTimes(cursors: readonly string[]): string[] {
  return [...new Set(cursors)];
}

/** Cursors in order, by customer; what came before the first of these changes is left out. */
function byCustomer(cursors: readonly string[], changes: readonly serving.MembershipChange[]): Record<string, string[]> {
  const owner = new Map(changes.map(({ cursor, customerId }) => [cursor, customerId]));
  const theirs = Map.groupBy(cursors.filter((cursor) => owner.has(cursor)), (cursor) => owner.get(cursor) ?? '');
  return Object.fromEntries([...theirs].toSorted(([one], [other]) => one.localeCompare(other)));
}
