import { setTimeout as wait } from 'node:timers/promises';

import pRetry from 'p-retry';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';

import type { ChangeSignal } from '../change/change.signal.js';
import { type LeaseKeeper, leaseKey } from '../lease/lease.keeper.js';
import { type Lease, partitionOf } from '../lease/partition.js';
import { type Micros, MICROS_PER_SECOND, nowMicros } from '../time/micros.js';
import type { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import type { WorkspaceSignal } from '../workspace/workspace.signal.js';
import { type BatchRepository, StaleBatch } from './batch.repository.js';
import { type Reading, type ReadingOptions, scoreAll, scoreAnew } from './customer.reading.js';
import type { FeedEvent, FeedRepository, FeedSpan, Horizon } from './feed.repository.js';
import { ReadingTerm } from './reading.term.js';
import type { Advance } from './scored.batch.js';
import type { OpenScorer } from './scorer.js';
import { customersRead, eventsApplied, eventToMembership, timed } from './scoring.metrics.js';
import type { ScoringRepository } from './scoring.repository.js';
import type { StateCache } from './state.cache.js';
import type { HeldState } from './state.repository.js';

export interface ReaderParts {
  readonly scoring: ScoringRepository;
  readonly batches: BatchRepository;
  readonly feed: FeedRepository;
  readonly cache: StateCache;
  readonly leases: LeaseKeeper;
  readonly hints: WorkspaceSignal;
  readonly changes: ChangeSignal;
  readonly directory: WorkspaceDirectory;
  readonly openScorer: OpenScorer;
  readonly log: Logger;
  readonly pollMs: number;
  readonly sweepAfterSeconds: number;
}

const EVENTS_PER_BATCH = 2_000;
/** Small and often, so that events wait little for it; 1.4 million customers an hour. */
const SWEPT_PER_BATCH = 100;
const SWEEP_EVERY_MS = 250;
/** Changes of hands that are followed at once. */
const MOVES_PER_BATCH = 200;
const FIRST_LOOK_AGAIN_MS = 2;
const DEFECT_MS = 5_000;

/**
 * Keeps the memberships of one workspace's customers current, of those partitions that this process leases:
 * takes the events after their position, has them scored, and commits states, memberships and position
 * together, while it reads on. Everything it needs to go on lies in Postgres; hints only wake it.
 */
export class WorkspaceReader {
  private term: { readonly key: string; readonly reading: ReadingTerm } | undefined;
  private lastSweep = 0;
  /** The last sweep found as many as it takes at once: there may be more. */
  private isSweeping = false;
  /** Transactions below this may hold events that were hinted at and cannot be seen yet. */
  private awaited = 0;
  private lookAgainMs = FIRST_LOOK_AGAIN_MS;
  private hintsSeen = -1;

  constructor(
    private readonly workspaceId: string,
    private readonly parts: ReaderParts,
  ) {}

  /** Runs until the signal fires. Trouble (no worker, no database) is waited out; nothing is skipped for it. */
  async run(signal: AbortSignal): Promise<void> {
    const { log } = this.parts;
    while (!signal.aborted) {
      await pRetry(() => this.attempt(signal), {
        retries: Number.POSITIVE_INFINITY,
        factor: 2,
        minTimeout: 100,
        maxTimeout: 2_000,
        signal,
        onFailedAttempt: ({ error, attemptNumber }) => {
          if (error instanceof StaleBatch) log.debug({ workspaceId: this.workspaceId }, error.message);
          else if (attemptNumber === 1) log.warn({ err: error, workspaceId: this.workspaceId }, 'events wait: scoring does not work now');
        },
      }).catch(async (error: unknown) => {
        // p-retry gives up only on what no waiting mends: a defect of ours. Other workspaces go on meanwhile.
        if (signal.aborted) return;
        log.error({ err: error, workspaceId: this.workspaceId }, 'scoring met a defect; trying again');
        await wait(DEFECT_MS, undefined, { signal }).catch(() => undefined);
      });
    }
    await this.term?.reading.committing.catch(() => undefined);
    await this.endTerm();
  }

  private async attempt(signal: AbortSignal): Promise<void> {
    try {
      await this.step(signal);
    } catch (error) {
      await this.endTerm();
      throw error;
    }
  }

  /** One round: what is there is read and handed over to be committed, or it is waited for. */
  private async step(signal: AbortSignal): Promise<void> {
    const { leases, hints, scoring, pollMs } = this.parts;
    const seen = hints.seen(this.workspaceId);
    const term = await this.termUnder(leases.of(this.workspaceId));
    if (!term) return hints.beyond(this.workspaceId, seen, pollMs, signal);
    const { span } = term;
    const { served, events, horizon, hasMoves } = await timed('read events', scoring.glance(this.workspaceId, span, term.mapping, EVENTS_PER_BATCH));
    if (!term.isOf(served)) return this.endTerm();
    term.newestEventAt = latest(term.newestEventAt, served?.newestEventAt ?? null);
    const isWhole = events.length < EVENTS_PER_BATCH;
    if (events.length > 0 || span.upTo) await this.applyEvents(term, span, events, isWhole);
    if (!isWhole || span.upTo) return;
    if (hasMoves) return this.follow(term);
    const hasSwept = await this.sweep(term);
    if (events.length === 0 && !hasSwept) await this.rest(term, seen, horizon, signal);
  }

  /**
   * Waits until there may be more. An event whose hint came may still be hidden behind an older transaction,
   * which may be our own commit: until that has ended, looks follow one another closely.
   */
  private async rest(term: ReadingTerm, seen: number, { xmin, xmax }: Horizon, signal: AbortSignal): Promise<void> {
    const { hints, pollMs } = this.parts;
    if (seen !== this.hintsSeen) {
      this.hintsSeen = seen;
      this.awaited = xmax;
      this.lookAgainMs = FIRST_LOOK_AGAIN_MS;
    }
    if (xmin >= this.awaited) {
      const woken = hints.beyond(this.workspaceId, seen, this.isSweeping ? Math.min(SWEEP_EVERY_MS, pollMs) : pollMs, signal);
      await Promise.race([woken, term.committing.then(() => woken)]);
    } else {
      await Promise.all([hints.beyond(this.workspaceId, seen, this.lookAgainMs, signal), term.committing]);
      this.lookAgainMs = Math.min(this.lookAgainMs * 2, pollMs);
    }
  }

  private async termUnder(leases: readonly Lease[]): Promise<ReadingTerm | undefined> {
    const key = leaseKey(leases);
    if (this.term?.key === key) return this.term.reading;
    await this.endTerm();
    const { cache, scoring, openScorer } = this.parts;
    const standing = leases.length > 0 ? await scoring.standing(this.workspaceId, leases.map(({ partition }) => partition)) : undefined;
    if (!standing) return undefined;
    const segments = await scoring.segmentsOf(this.workspaceId, standing.served.modelId);
    const states = cache.of(`${this.workspaceId}/${uuid()}`);
    const reading = new ReadingTerm(standing, { leases, segments, states, scorer: openScorer(standing.served) });
    this.term = { key, reading };
    return reading;
  }

  private async endTerm(): Promise<void> {
    const { term } = this;
    this.term = undefined;
    await term?.reading.end();
  }

  private async applyEvents(term: ReadingTerm, { after, upTo, partitions }: FeedSpan, events: readonly FeedEvent[], isWhole: boolean): Promise<void> {
    const last = events.at(-1);
    const end = (isWhole ? upTo : undefined) ?? (last ? { horizon: last.horizon, sequence: last.sequence } : after);
    const byCustomer = Map.groupBy(events, ({ customerId }) => customerId);
    for (const { occurredAt } of events) term.newestEventAt = latest(term.newestEventAt, occurredAt);
    const held = await timed('read states', this.heldStates(term, [...byCustomer.keys()]));
    const now = await this.parts.directory.now(this.workspaceId, term.newestEventAt);
    const readings = [...byCustomer].map(([customerId, theirs]) => ({ customerId, held: held.get(customerId), events: theirs, now }));
    const advances = term.advance(partitions, { position: end });
    const states = await timed('score', scoreAll(readings, this.options(term)));
    await this.handOver(term, readings, { states, gone: [], advances, events });
    customersRead.inc({ cause: 'event' }, readings.length);
  }

  /** Builds anew, from the events that are theirs now, customers whose ids came or went. */
  private async follow(term: ReadingTerm): Promise<void> {
    const { feed, directory } = this.parts;
    const { customerIds, end } = await feed.moves(this.workspaceId, term.mapping, MOVES_PER_BATCH);
    const partitions = term.partitions;
    const ours = customerIds.filter((id) => partitions.includes(partitionOf(id)));
    const held = await this.heldStates(term, ours);
    const now = await directory.now(this.workspaceId, term.newestEventAt);
    const readings = ours.map((customerId) => ({ customerId, held: held.get(customerId), events: [], now }));
    const { states, gone } = await scoreAnew(readings, this.options(term));
    await this.handOver(term, readings, { states, gone, advances: term.advance(partitions, { mapping: end }), events: [] });
    customersRead.inc({ cause: 'move' }, ours.length);
  }

  /** Reads customers whom no event has touched for a while at the present time. Answers whether there were any. */
  private async sweep(term: ReadingTerm): Promise<boolean> {
    if (Date.now() - this.lastSweep < SWEEP_EVERY_MS) return false;
    this.lastSweep = Date.now();
    const { directory, scoring, sweepAfterSeconds } = this.parts;
    const now: Micros = await directory.now(this.workspaceId, term.newestEventAt);
    // Whom the batch before has read is not quiet.
    await term.committing;
    const due = { now, age: sweepAfterSeconds * MICROS_PER_SECOND, limit: SWEPT_PER_BATCH };
    const quiet = await scoring.quiet(this.workspaceId, term.served.modelId, term.partitions, due);
    this.isSweeping = quiet.length === SWEPT_PER_BATCH;
    if (quiet.length === 0) return false;
    const readings = quiet.map((held) => ({ customerId: held.customerId, held, events: [], now }));
    const states = await scoreAll(readings, this.options(term));
    await this.handOver(term, readings, { states, gone: [], advances: [], events: [] });
    customersRead.inc({ cause: 'sweep' }, quiet.length);
    return true;
  }

  /** Scores by the term's model; where a state has to be built anew, from all events up to where its partitions stand. */
  private options(term: ReadingTerm): ReadingOptions {
    const { feed, log } = this.parts;
    return { scorer: term.parts.scorer, allEvents: (ids) => feed.ofCustomers(this.workspaceId, ids, term.span.after), log };
  }

  /** Begins to commit what was read once the batch before is in the tables: in order, one at a time, while reading goes on. */
  private async handOver(
    term: ReadingTerm,
    readings: readonly Reading[],
    { states, gone, advances, events }: { states: HeldState[]; gone: string[]; advances: Advance[]; events: readonly FeedEvent[] },
  ): Promise<void> {
    await term.committing;
    const former = new Map(readings.flatMap(({ customerId, held }) => (held ? [[customerId, held] as const] : [])));
    const { leases, segments } = term.parts;
    const batch = { served: term.served, leases, advances, newestEventAt: events.length > 0 ? term.newestEventAt : null, states, gone, former, segments };
    const commit = async () => {
      const { batches, changes, leases: { replicaId } } = this.parts;
      const hasChanges = await timed('commit', batches.commit(this.workspaceId, replicaId, batch));
      if (hasChanges) changes.announce(this.workspaceId);
      if (events.length === 0) return;
      eventsApplied.inc(events.length);
      const oldestArrival = events.reduce((least, { receivedAt }) => Math.min(least, receivedAt), Number.POSITIVE_INFINITY);
      eventToMembership.observe(Math.max(0, nowMicros() - oldestArrival) / MICROS_PER_SECOND);
    };
    term.handOver(states, gone, commit());
  }

  private async heldStates(term: ReadingTerm, customerIds: readonly string[]): Promise<Map<string, HeldState>> {
    const held = new Map<string, HeldState>();
    const missing: string[] = [];
    for (const id of customerIds) {
      const known = term.held(id);
      if (known) held.set(id, known);
      else missing.push(id);
    }
    if (missing.length > 0) {
      for (const state of await this.parts.scoring.states(this.workspaceId, term.served.modelId, missing)) held.set(state.customerId, state);
    }
    return held;
  }
}

function latest(one: Micros | null, other: Micros | null): Micros | null {
  return one === null ? other : other === null ? one : Math.max(one, other);
}
