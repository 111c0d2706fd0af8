import { Counter, Gauge, Histogram, metrics } from '#libs/telemetry';

import type { IntakeItem } from './event.js';
import { IntakeFullError, IntakeUnavailableError } from './event.failure.js';
import { type ItemResult, writeItems } from './event.quarantine.js';
import type { EventStore } from './event.store.js';

interface Submission {
  readonly items: readonly IntakeItem[];
  readonly resolve: (results: ItemResult[]) => void;
  readonly reject: (error: Error) => void;
}

/** Requests of one workspace and source on their way into one commit. */
interface Lane {
  readonly workspaceId: string;
  readonly source: string;
  waiting: Submission[];
  waitingEvents: number;
  /** Commits under way. */
  commits: number;
}

export interface WriterLimits {
  /** Events waiting or being written; more are refused with IntakeFullError. */
  maxPendingEvents: number;
  /** Events of one commit. A single larger request is one commit of its own. */
  maxCommitEvents?: number;
  /** Commits of one lane at once. A further one begins only when it is a quarter full, so that few requests still share one. */
  commitsAtOnce?: number;
  /** How long the first request waits for others to share its commit. */
  waitMs?: number;
}

const committed = new Counter({
  name: 'kindred_intake_events_total', help: 'Events by what became of them', labelNames: ['source', 'outcome'], registers: [metrics],
});
const commitSeconds = new Histogram({
  name: 'kindred_intake_commit_seconds', help: 'Time of one group commit', buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5], registers: [metrics],
});
const pendingEvents = new Gauge({ name: 'kindred_intake_pending_events', help: 'Events waiting for a commit', registers: [metrics] });

/**
 * Group commit: requests that arrive while a commit is under way share the next one. A request is answered
 * after its commit, never before. Each workspace has commits of its own, so that tenants do not wait for each other.
 */
export class EventWriter {
  private readonly lanes = new Map<string, Lane>();
  private readonly maxCommitEvents: number;
  private readonly commitsAtOnce: number;
  private readonly waitMs: number;
  private pending = 0;

  constructor(
    private readonly store: EventStore,
    private readonly limits: WriterLimits,
    private readonly committedTo: (workspaceId: string) => void = () => undefined,
  ) {
    this.maxCommitEvents = limits.maxCommitEvents ?? 2_000;
    this.commitsAtOnce = limits.commitsAtOnce ?? 2;
    this.waitMs = limits.waitMs ?? 4;
  }

  /** Resolves after the commit with one result per item, in order. */
  submit(workspaceId: string, source: string, items: readonly IntakeItem[]): Promise<ItemResult[]> {
    if (items.length === 0) return Promise.resolve([]);
    if (this.pending > 0 && this.pending + items.length > this.limits.maxPendingEvents) return Promise.reject(new IntakeFullError());
    this.count(items.length);
    return new Promise<ItemResult[]>((resolve, reject) => {
      const lane = this.laneOf(workspaceId, source);
      lane.waiting.push({ items, resolve, reject });
      lane.waitingEvents += items.length;
      if (lane.commits < this.commitsAtOnce && this.isWorthACommit(lane, lane.commits)) this.run(lane);
    }).finally(() => this.count(-items.length));
  }

  private count(change: number): void {
    this.pending += change;
    pendingEvents.set(this.pending);
  }

  private laneOf(workspaceId: string, source: string): Lane {
    const key = `${workspaceId} ${source}`;
    const lane = this.lanes.get(key) ?? { workspaceId, source, waiting: [], waitingEvents: 0, commits: 0 };
    this.lanes.set(key, lane);
    return lane;
  }

  private run(lane: Lane): void {
    lane.commits++;
    const drain = async () => {
      while (this.isWorthACommit(lane, lane.commits - 1)) await this.commit(lane, this.take(lane));
    };
    setTimeout(() => {
      void drain().finally(() => {
        lane.commits--;
        if (lane.commits > 0) return;
        // Whoever was answered by the last commit may have come again before this line.
        if (lane.waiting.length > 0) this.run(lane);
        else this.lanes.delete(`${lane.workspaceId} ${lane.source}`);
      });
    }, this.waitMs);
  }

  /** Beside other commits only where many wait: alone, each would bear the cost of a commit for a few events. */
  private isWorthACommit({ waiting, waitingEvents }: Lane, others: number): boolean {
    return waiting.length > 0 && (others === 0 || waitingEvents * 4 >= this.maxCommitEvents);
  }

  private take(lane: Lane): Submission[] {
    let events = 0;
    const count = lane.waiting.findIndex(({ items }) => (events += items.length) > this.maxCommitEvents);
    const taken = lane.waiting.splice(0, count === -1 ? lane.waiting.length : Math.max(count, 1));
    for (const { items } of taken) lane.waitingEvents -= items.length;
    return taken;
  }

  private async commit(lane: Lane, submissions: readonly Submission[]): Promise<void> {
    const done = commitSeconds.startTimer();
    try {
      const items = submissions.flatMap(({ items }) => items.map((item) => ({ item })));
      const results = await writeItems(this.store, { workspaceId: lane.workspaceId, source: lane.source }, items);
      for (const { outcome } of results) committed.inc({ source: lane.source, outcome });
      let at = 0;
      for (const { items, resolve } of submissions) resolve(results.slice(at, (at += items.length)));
      this.committedTo(lane.workspaceId);
    } catch (error) {
      for (const { reject } of submissions) reject(new IntakeUnavailableError(error));
    } finally {
      done();
    }
  }
}
