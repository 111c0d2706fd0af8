import pRetry from 'p-retry';
import { Counter, Gauge, Histogram, metrics } from '#libs/telemetry';

import type { IntakeEvent, IntakeItem, Rejection } from './event.js';
import { IntakeFullError, IntakeUnavailableError, isDataRefused, isPassing } from './event.failure.js';
import type { EventStore } from './event.store.js';

export type Outcome = 'STORED' | 'DUPLICATE' | 'REJECTED';

/** What became of one item; a rejection says why. */
export interface ItemResult {
  readonly outcome: Outcome;
  readonly rejection?: Rejection;
}

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
  isRunning: boolean;
}

export interface WriterLimits {
  /** Events waiting or being written; more are refused with IntakeFullError. */
  maxPendingEvents: number;
  /** Events of one commit. A single larger request is one commit of its own. */
  maxCommitEvents?: number;
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
 * after its commit, never before. One commit at a time per workspace, so that tenants do not wait for each other.
 */
export class EventWriter {
  private readonly lanes = new Map<string, Lane>();
  private readonly maxCommitEvents: number;
  private readonly waitMs: number;
  private pending = 0;

  constructor(
    private readonly store: EventStore,
    private readonly limits: WriterLimits,
    private readonly committedTo: (workspaceId: string) => void = () => undefined,
  ) {
    this.maxCommitEvents = limits.maxCommitEvents ?? 4_000;
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
      if (!lane.isRunning) this.run(lane);
    }).finally(() => this.count(-items.length));
  }

  private count(change: number): void {
    this.pending += change;
    pendingEvents.set(this.pending);
  }

  private laneOf(workspaceId: string, source: string): Lane {
    const key = `${workspaceId} ${source}`;
    const lane = this.lanes.get(key) ?? { workspaceId, source, waiting: [], isRunning: false };
    this.lanes.set(key, lane);
    return lane;
  }

  private run(lane: Lane): void {
    lane.isRunning = true;
    const drain = async () => {
      while (lane.waiting.length > 0) await this.commit(lane, this.take(lane));
    };
    setTimeout(() => {
      void drain().finally(() => {
        // Whoever was answered by the last commit may have come again before this line.
        if (lane.waiting.length > 0) this.run(lane);
        else this.lanes.delete(`${lane.workspaceId} ${lane.source}`);
      });
    }, this.waitMs);
  }

  private take(lane: Lane): Submission[] {
    let events = 0;
    const count = lane.waiting.findIndex(({ items }) => (events += items.length) > this.maxCommitEvents);
    return lane.waiting.splice(0, count === -1 ? lane.waiting.length : Math.max(count, 1));
  }

  private async commit(lane: Lane, submissions: readonly Submission[]): Promise<void> {
    const done = commitSeconds.startTimer();
    try {
      const results = await this.write(lane, submissions.flatMap(({ items }) => items));
      let at = 0;
      for (const { items, resolve } of submissions) resolve(results.slice(at, (at += items.length)));
      this.committedTo(lane.workspaceId);
    } catch (error) {
      for (const { reject } of submissions) reject(new IntakeUnavailableError(error));
    } finally {
      done();
    }
  }

  /** Where Postgres refuses the data, halves are tried until the events that it refuses stand alone, in quarantine. */
  private async write(lane: Lane, items: readonly IntakeItem[]): Promise<ItemResult[]> {
    try {
      return await this.writeOnce(lane, items);
    } catch (error) {
      if (!isDataRefused(error)) throw error;
      const only = items[0];
      if (items.length === 1 && only && 'event' in only) return this.writeOnce(lane, [refused(only.event, error)]);
      if (items.length === 1) throw error;
      const middle = items.length >> 1;
      return [...(await this.write(lane, items.slice(0, middle))), ...(await this.write(lane, items.slice(middle)))];
    }
  }

  private async writeOnce({ workspaceId, source }: Lane, items: readonly IntakeItem[]): Promise<ItemResult[]> {
    const events = items.flatMap((item) => ('event' in item ? [item.event] : []));
    const rejections = items.flatMap((item) => ('rejection' in item ? [item.rejection] : []));
    const stored = await pRetry(() => this.store.write({ workspaceId, source, events, rejections }), {
      retries: 5,
      minTimeout: 5,
      randomize: true,
      shouldRetry: ({ error }) => isPassing(error),
    });
    for (const outcome of ['stored', 'duplicate', 'rejected'] as const) committed.inc({ source, outcome }, stored[outcome]);
    let ordinal = 0;
    return items.map((item) =>
      'rejection' in item
        ? { outcome: 'REJECTED', rejection: item.rejection }
        : { outcome: stored.isStored[ordinal++] ? 'STORED' : 'DUPLICATE' },
    );
  }
}

function refused(event: IntakeEvent, error: unknown): IntakeItem {
  const { id, properties, context, ...rest } = event;
  const call = { ...rest, properties: JSON.parse(properties) as unknown, context: context === null ? null : (JSON.parse(context) as unknown) };
  return {
    rejection: {
      messageId: event.messageId,
      reason: 'STORE_REFUSED',
      detail: `The event store refused it: ${(error as Error).message}`,
      receivedAt: event.receivedAt,
      payload: Buffer.from(JSON.stringify({ ...call, event: event.name, timestamp: event.occurredAt, eventId: id })),
      unit: 'EVENT',
    },
  };
}
