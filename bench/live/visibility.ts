import { setTimeout as wait } from 'node:timers/promises';

import { Client } from 'pg';

import { quantile } from './quantile.ts';
import { type Accepted, secondsOf } from './traffic.ts';

/** From the acknowledgement of an event until its membership can be read, milliseconds. */
export interface Delay {
  readonly events: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Of the last third of the events over that of the first. */
  readonly growth: number;
  /** Milliseconds by which it grew each second, from the middle of the first third to that of the last: 10 where one event in a hundred is left behind. */
  readonly drift: number;
}

interface Seen {
  readonly at: number;
  readonly horizon: number;
  readonly sequence: number;
}

const LOOK_MS = 2;
const DRAINED_WITHIN_MS = 180_000;
/** Of the partition that is furthest behind. */
const POSITION = `select coalesce(p.position_horizon, m.position_horizon)::float8 as horizon, coalesce(p.position_sequence, m.position_sequence)::float8 as sequence
  from serving.active_model a join serving.shadow_models m using (workspace_id, model_id) cross join generate_series(0, 7) as r(partition)
    left join serving.partition_positions p on p.workspace_id = m.workspace_id and p.model_id = m.model_id and p.partition = r.partition
  order by 1, 2 limit 1`;

/**
 * Watches how far in the feed the served memberships stand: their position is committed with them, so an event
 * is visible as soon as the position has passed it. Looks every two milliseconds, as the owner.
 */
export class VisibilityWatch {
  private readonly seen: Seen[] = [];
  private readonly client: Client;
  private isWatching = true;
  private watching: Promise<void> = Promise.resolve();

  private constructor(client: Client) {
    this.client = client;
  }

  static async begin(ownerUrl: string): Promise<VisibilityWatch> {
    const client = new Client({ connectionString: ownerUrl });
    await client.connect();
    const watch = new VisibilityWatch(client);
    watch.watching = watch.look();
    return watch;
  }

  /** Waits until all of them are visible, and says how long each took. */
  async delays(accepted: Accepted, stage: string): Promise<Delay> {
    const places = await this.placesOf(stage);
    await this.untilPassed(places.at(-1), stage);
    let step = 0;
    const delays: number[] = [];
    for (const { messageId, horizon, sequence } of places) {
      for (let now = this.seen[step]; now && before(now, { horizon, sequence }); now = this.seen[step]) step += 1;
      const visible = this.seen[step];
      const acknowledged = accepted.get(messageId);
      // The acknowledgement may still be under way when the membership is there.
      if (visible && acknowledged !== undefined) delays.push(Math.max(0, visible.at - acknowledged));
    }
    if (delays.length !== accepted.size) throw new Error(`${accepted.size} events of ${stage} were acknowledged, ${delays.length} became visible.`);
    const third = Math.floor(delays.length / 3);
    const [first, last] = [quantile(delays.slice(0, third), 0.5), quantile(delays.slice(-third), 0.5)];
    const seconds = secondsOf(accepted);
    return {
      events: delays.length,
      p50: quantile(delays, 0.5),
      p95: quantile(delays, 0.95),
      p99: quantile(delays, 0.99),
      growth: Math.round(((last + 1) / (first + 1)) * 10) / 10,
      drift: Math.round(((last - first) / (seconds * (2 / 3))) * 100) / 100,
    };
  }

  /**
   * From a moment on until at most `few` of the events that had been acknowledged by then are not visible yet: how many were behind at first, and how many
   * became visible in how many seconds.
   */
  async catchUp(accepted: Accepted, stage: string, from: number, few: number): Promise<{ backlog: number; events: number; seconds: number }> {
    const places = await this.placesOf(stage);
    const acknowledged = [...accepted.values()].sort((one, other) => one - other);
    const began = this.seen.findLast((seen) => seen.at <= from);
    const visibleAt = (seen: Seen | undefined) => (seen ? countUntil(places, (place) => !before(seen, place)) : 0);
    const first = visibleAt(began);
    const behind = (seen: Seen) => countUntil(acknowledged, (at) => at <= seen.at) - visibleAt(seen);
    const made = this.seen.find((seen) => seen.at > from && behind(seen) <= few);
    if (!made) throw new Error(`What was behind of ${stage} was not made up for.`);
    return { backlog: countUntil(acknowledged, (at) => at <= from) - first, events: visibleAt(made) - first, seconds: (made.at - from) / 1_000 };
  }

  async end(): Promise<void> {
    this.isWatching = false;
    await this.watching;
    await this.client.end();
  }

  private async look(): Promise<void> {
    while (this.isWatching) {
      const { rows } = await this.client.query<{ horizon: number; sequence: number }>({ name: 'position', text: POSITION });
      const [row] = rows;
      const last = this.seen.at(-1);
      if (row && (!last || before(last, row))) this.seen.push({ ...row, at: Date.now() });
      await wait(LOOK_MS);
    }
  }

  private async untilPassed(place: Omit<Seen, 'at'> | undefined, stage: string): Promise<void> {
    if (!place) return;
    const deadline = Date.now() + DRAINED_WITHIN_MS;
    for (let now = this.seen.at(-1); !now || before(now, place); now = this.seen.at(-1)) {
      if (Date.now() > deadline) throw new Error(`Events of ${stage} were not visible within three minutes.`);
      await wait(LOOK_MS * 5);
    }
  }

  /** In the order of the feed. */
  private async placesOf(stage: string): Promise<(Omit<Seen, 'at'> & { messageId: string })[]> {
    const { rows } = await this.client.query<Omit<Seen, 'at'> & { messageId: string }>(
      `select message_id as "messageId", horizon::float8 as horizon, sequence::float8 as sequence from ingestion.events
       where message_id like $1 order by horizon, sequence`,
      [`${stage}-%`],
    );
    return rows;
  }
}

function before(one: Omit<Seen, 'at'>, other: Omit<Seen, 'at'>): boolean {
  return one.horizon < other.horizon || (one.horizon === other.horizon && one.sequence < other.sequence);
}

/** How many come first for which something holds; of values in an order in which it holds for none behind one for which it does not. */
function countUntil<Value>(ordered: readonly Value[], holds: (value: Value) => boolean): number {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(ordered[middle] as Value)) low = middle + 1;
    else high = middle;
  }
  return low;
}
