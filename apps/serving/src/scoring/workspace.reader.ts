import { setTimeout as wait } from 'node:timers/promises';

import pRetry from 'p-retry';
import { v7 as uuid } from 'uuid';

import type { ChangeSignal } from '../change/change.signal.js';
import { type LeaseKeeper, leaseKey } from '../lease/lease.keeper.js';
import { type Lease, partitionOf } from '../lease/partition.js';
import { MICROS_PER_SECOND, nowMicros } from '../time/micros.js';
import type { WorkspaceSignal } from '../workspace/workspace.signal.js';
import { BatchReader, type BatchReaderParts, EVENTS_PER_BATCH, latest, type ReadBatch } from './batch.reader.js';
import { type BatchRepository, StaleBatch, SupersededBatch } from './batch.repository.js';
import type { FeedEvent, FeedSpan, Horizon } from './feed.repository.js';
import { ReadingTerm } from './reading.term.js';
import type { OpenScorer } from './scorer.js';
import { customersRead, eventsApplied, eventToMembership, timed } from './scoring.metrics.js';
import type { StateCache } from './state.cache.js';

export interface ReaderParts extends BatchReaderParts {
  readonly batches: BatchRepository;
  readonly cache: StateCache;
  readonly leases: LeaseKeeper;
  readonly hints: WorkspaceSignal;
  readonly changes: ChangeSignal;
  readonly openScorer: OpenScorer;
  readonly pollMs: number;
  readonly sweepAfterSeconds: number;
}

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
  private readonly reading: BatchReader;

  constructor(
    private readonly workspaceId: string,
    private readonly parts: ReaderParts,
  ) {
    this.reading = new BatchReader(workspaceId, parts);
  }

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
      // Events wait for the model that is served now, and nothing has to pass before it can read them.
      if (!(error instanceof SupersededBatch)) throw error;
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
    const outset = leases.length > 0 ? await scoring.outset(this.workspaceId, leases.map(({ partition }) => partition)) : undefined;
    if (!outset) return undefined;
    const { standing, segments } = outset;
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

  private async applyEvents(term: ReadingTerm, span: FeedSpan, events: readonly FeedEvent[], isWhole: boolean): Promise<void> {
    const batch = await this.reading.events(term, span, events, isWhole);
    await this.handOver(term, batch, events);
    customersRead.inc({ cause: 'event' }, batch.readings.length);
  }

  /** Builds anew, from the events that are theirs now, customers whose ids came or went. */
  private async follow(term: ReadingTerm): Promise<void> {
    const { customerIds, end } = await this.parts.feed.moves(this.workspaceId, term.mapping, MOVES_PER_BATCH);
    const partitions = term.partitions;
    const batch = await this.reading.anew(term, customerIds.filter((id) => partitions.includes(partitionOf(id))));
    await this.handOver(term, { ...batch, advances: term.advance(partitions, { mapping: end }) });
    customersRead.inc({ cause: 'move' }, batch.readings.length);
  }

  /** Reads customers whom no event has touched for a while at the present time. Answers whether there were any. */
  private async sweep(term: ReadingTerm): Promise<boolean> {
    if (Date.now() - this.lastSweep < SWEEP_EVERY_MS) return false;
    this.lastSweep = Date.now();
    const { scoring, sweepAfterSeconds } = this.parts;
    const now = await this.reading.now(term);
    // Whom the batch before has read is not quiet.
    await term.committing;
    const due = { now, age: sweepAfterSeconds * MICROS_PER_SECOND, limit: SWEPT_PER_BATCH };
    const quiet = await scoring.quiet(this.workspaceId, term.served.modelId, term.partitions, due);
    this.isSweeping = quiet.length === SWEPT_PER_BATCH;
    if (quiet.length === 0) return false;
    await this.handOver(term, { ...(await this.reading.at(term, quiet, now)), advances: [] });
    customersRead.inc({ cause: 'sweep' }, quiet.length);
    return true;
  }

  /** Begins to commit what was read once the batch before is in the tables: in order, one at a time, while reading goes on. */
  private async handOver(term: ReadingTerm, { now, readings, states, gone, advances }: ReadBatch, events: readonly FeedEvent[] = []): Promise<void> {
    await term.committing;
    const former = new Map(readings.flatMap(({ customerId, held }) => (held ? [[customerId, held] as const] : [])));
    const { leases, segments } = term.parts;
    const batch = { now, served: term.served, leases, advances, newestEventAt: events.length > 0 ? term.newestEventAt : null, states, gone, former, segments };
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
}
