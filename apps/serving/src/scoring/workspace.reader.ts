import { setTimeout as wait } from 'node:timers/promises';

import pRetry from 'p-retry';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';

import type { Position } from '#libs/database';

import type { ChangeSignal } from '../change/change.signal.js';
import { type Micros, MICROS_PER_SECOND, nowMicros } from '../time/micros.js';
import type { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import type { WorkspaceSignal } from '../workspace/workspace.signal.js';
import type { FeedEvent, FeedRepository } from './feed.repository.js';
import { endOf, type Reading, scoreAll, scoreAnew, type ScorerOptions } from './scorer.js';
import { customersRead, eventsApplied, eventToMembership } from './scoring.metrics.js';
import { type ScoredBatch, type ScoringRepository, type ServedModel, StaleBatch } from './scoring.repository.js';
import type { StateCache } from './state.cache.js';
import type { HeldState } from './state.repository.js';
import type { Scorer } from './steady.scorer.js';
import type { WorkspaceLease } from './workspace.lease.js';

export interface ReaderParts {
  readonly scoring: ScoringRepository;
  readonly feed: FeedRepository;
  readonly cache: StateCache;
  readonly lease: WorkspaceLease;
  readonly hints: WorkspaceSignal;
  readonly changes: ChangeSignal;
  readonly directory: WorkspaceDirectory;
  /** What scores by a model; closed when its term ends. */
  scorerOf(model: ServedModel): Scorer;
  readonly log: Logger;
  readonly pollMs: number;
  readonly sweepAfterSeconds: number;
}

/** What is known while one model is served under one fence and one lease, and nobody is forgotten. */
interface Term {
  readonly key: string;
  readonly scorer: Scorer;
  readonly segments: ReadonlyMap<number, string>;
  readonly states: ReturnType<StateCache['of']>;
}

const EVENTS_PER_BATCH = 2_000;
const SWEPT_PER_BATCH = 200;
/** Changes of hands that are followed at once. */
const MOVES_PER_BATCH = 200;
const SWEEP_EVERY_MS = 500;
/** Another replica has the lease: how soon to ask again. */
const LEASE_MS = 1_000;
const FIRST_LOOK_AGAIN_MS = 2;
const DEFECT_MS = 5_000;

/**
 * Keeps one workspace's memberships current: takes the events after the served model's position, lets the
 * worker score them, and commits states, memberships and position together. Everything it needs to go on
 * lies in Postgres; hints only wake it.
 */
export class WorkspaceReader {
  private term: Term | undefined;
  /** Where the served model stood when last seen: only saves a round trip. */
  private position: Position | undefined;
  private lastSweep = 0;
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
      await pRetry(() => this.step(signal), {
        retries: Number.POSITIVE_INFINITY,
        factor: 2,
        minTimeout: 100,
        maxTimeout: 2_000,
        signal,
        onFailedAttempt: ({ error, attemptNumber }) => {
          this.endTerm();
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
    this.endTerm();
  }

  /** One round: what is there is applied, or it is waited for. */
  private async step(signal: AbortSignal): Promise<void> {
    const { lease, hints, scoring } = this.parts;
    const seen = hints.seen(this.workspaceId);
    if (!(await lease.hold(this.workspaceId))) return hints.beyond(this.workspaceId, seen, LEASE_MS, signal);
    const { served, events, horizon } = await scoring.glance(this.workspaceId, this.position, EVENTS_PER_BATCH);
    this.position = served?.position;
    if (!served) return hints.beyond(this.workspaceId, seen, this.parts.pollMs, signal);
    const term = await this.termOf(served);
    const now = events.length > 0 ? await this.applyEvents(served, term, events) : served;
    if (events.length === EVENTS_PER_BATCH) return;
    if (served.hasMoves) return this.follow(now, term);
    const hasSwept = await this.sweep(now, term);
    if (events.length === 0 && !hasSwept) await hints.beyond(this.workspaceId, seen, this.patience(seen, horizon), signal);
  }

  /**
   * How long to wait without a hint. An event whose hint came may still be hidden behind an older
   * transaction: until that has ended, looks follow one another closely.
   */
  private patience(seen: number, { xmin, xmax }: { xmin: number; xmax: number }): number {
    if (seen !== this.hintsSeen) {
      this.hintsSeen = seen;
      this.awaited = xmax;
      this.lookAgainMs = FIRST_LOOK_AGAIN_MS;
    }
    if (xmin >= this.awaited) return this.parts.pollMs;
    const soon = this.lookAgainMs;
    this.lookAgainMs = Math.min(soon * 2, this.parts.pollMs);
    return soon;
  }

  private async termOf(served: ServedModel): Promise<Term> {
    const { cache, scoring, lease } = this.parts;
    const key = `${served.modelId}/${served.fence}/${served.erasures}`;
    if (this.term?.key === key && lease.isHeld(this.workspaceId)) return this.term;
    this.endTerm();
    const segments = await scoring.segmentsOf(this.workspaceId, served.modelId);
    return (this.term = { key, segments, scorer: this.parts.scorerOf(served), states: cache.of(`${this.workspaceId}/${uuid()}`) });
  }

  private endTerm(): void {
    this.term?.scorer.close();
    this.term = undefined;
  }

  /** Answers the model with the position it stands at afterwards. */
  private async applyEvents(served: ServedModel, term: Term, events: readonly FeedEvent[]): Promise<ServedModel> {
    const byCustomer = Map.groupBy(events, ({ customerId }) => customerId);
    const newestEventAt = events.reduce((most, { occurredAt }) => Math.max(most, occurredAt), served.newestEventAt ?? Number.NEGATIVE_INFINITY);
    const held = await this.heldStates(served, term, [...byCustomer.keys()]);
    const now = await this.parts.directory.now(this.workspaceId, newestEventAt);
    const readings = [...byCustomer].map(([customerId, theirs]) => ({ customerId, held: held.get(customerId), events: theirs, now }));
    const after = { ...served, newestEventAt, position: endOf(events, served.position) };
    await this.scoreAndCommit(served, after, term, readings);
    eventsApplied.inc(events.length);
    customersRead.inc({ cause: 'event' }, readings.length);
    const oldestArrival = events.reduce((least, { receivedAt }) => Math.min(least, receivedAt), Number.POSITIVE_INFINITY);
    eventToMembership.observe(Math.max(0, nowMicros() - oldestArrival) / MICROS_PER_SECOND);
    return after;
  }

  /** Builds anew, from the events that are theirs now, customers whose ids came or went. */
  private async follow(served: ServedModel, term: Term): Promise<void> {
    const { feed, directory } = this.parts;
    const { customerIds, end } = await feed.moves(this.workspaceId, served.mapping, MOVES_PER_BATCH);
    const held = await this.heldStates(served, term, customerIds);
    const now = await directory.now(this.workspaceId, served.newestEventAt);
    const readings = customerIds.map((customerId) => ({ customerId, held: held.get(customerId), events: [], now }));
    const { states, gone } = await scoreAnew(readings, this.scorer(served, term));
    await this.commit(served, { ...served, mapping: end }, term, readings, { states, gone });
    customersRead.inc({ cause: 'move' }, customerIds.length);
  }

  /** Reads customers whom no event has touched for a while at the present time. Answers whether there were any. */
  private async sweep(served: ServedModel, term: Term): Promise<boolean> {
    if (Date.now() - this.lastSweep < SWEEP_EVERY_MS) return false;
    this.lastSweep = Date.now();
    const { directory, scoring, sweepAfterSeconds } = this.parts;
    const now: Micros = await directory.now(this.workspaceId, served.newestEventAt);
    const quiet = await scoring.quiet(this.workspaceId, served.modelId, now, sweepAfterSeconds * MICROS_PER_SECOND, SWEPT_PER_BATCH);
    if (quiet.length === 0) return false;
    const readings = quiet.map((held) => ({ customerId: held.customerId, held, events: [], now }));
    await this.scoreAndCommit(served, served, term, readings);
    customersRead.inc({ cause: 'sweep' }, quiet.length);
    return true;
  }

  private async scoreAndCommit(served: ServedModel, after: ServedModel, term: Term, readings: readonly Reading[]): Promise<void> {
    const states = await scoreAll(readings, this.scorer(after, term));
    await this.commit(served, after, term, readings, { states, gone: [] });
  }

  /** Scores by the term's model; where a state has to be built anew, from all events up to the model's position. */
  private scorer({ position }: ServedModel, term: Term): ScorerOptions {
    const { feed, log } = this.parts;
    return { score: (customers) => term.scorer.score(customers), allEvents: (ids) => feed.ofCustomers(this.workspaceId, ids, position), log };
  }

  private async commit(
    served: ServedModel,
    { position, newestEventAt, mapping }: ServedModel,
    term: Term,
    readings: readonly Reading[],
    scored: Pick<ScoredBatch, 'states' | 'gone'>,
  ): Promise<void> {
    const { scoring, changes } = this.parts;
    const former = new Map(readings.flatMap(({ customerId, held }) => (held ? [[customerId, held] as const] : [])));
    const batch = { served, position, newestEventAt, mapping, ...scored, former, segments: term.segments };
    const hasChanges = await scoring.commit(this.workspaceId, batch);
    for (const held of scored.states) term.states.set(held);
    for (const customerId of scored.gone) term.states.drop(customerId);
    this.position = position;
    if (hasChanges) changes.announce(this.workspaceId);
  }

  private async heldStates(served: ServedModel, term: Term, customerIds: readonly string[]): Promise<Map<string, HeldState>> {
    const held = new Map<string, HeldState>();
    const missing: string[] = [];
    for (const id of customerIds) {
      const cached = term.states.get(id);
      if (cached) held.set(id, cached);
      else missing.push(id);
    }
    if (missing.length > 0) {
      for (const state of await this.parts.scoring.states(this.workspaceId, served.modelId, missing)) held.set(state.customerId, state);
    }
    return held;
  }
}
