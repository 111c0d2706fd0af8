import type { Logger } from 'pino';

import type { Position } from '#libs/database';

import type { Micros } from '../time/micros.js';
import type { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { type Reading, type ReadingOptions, scoreAll, scoreAnew } from './customer.reading.js';
import type { FeedEvent, FeedRepository, FeedSpan } from './feed.repository.js';
import type { ReadingTerm } from './reading.term.js';
import type { Advance } from './scored.batch.js';
import { timed } from './scoring.metrics.js';
import type { ScoringRepository } from './scoring.repository.js';
import type { HeldState } from './state.repository.js';

/** Of the served model and of one beside it alike: whoever waits for a reading waits for no more than one batch at the event loop. */
export const EVENTS_PER_BATCH = 2_000;

export interface BatchReaderParts {
  readonly scoring: ScoringRepository;
  readonly feed: FeedRepository;
  readonly directory: WorkspaceDirectory;
  /** That many requests are under way at the scorer; others' wait behind them. */
  readonly requestsAtOnce: number;
  readonly log: Logger;
}

/** What was read, and how far that brings the term's partitions. */
export interface ReadBatch {
  /** When, by the workspace's clock; states may be of a later time, where an event is dated ahead. */
  readonly now: Micros;
  readonly readings: readonly Reading[];
  readonly states: HeldState[];
  /** Customers without a single event now. */
  readonly gone: string[];
  readonly advances: Advance[];
}

/** Reads customers of one workspace by a term's model, served or not; writes nothing. */
export class BatchReader {
  constructor(
    private readonly workspaceId: string,
    private readonly parts: BatchReaderParts,
  ) {}

  /** Whoever has events among these, which are all of the span where it `isWhole`; the term's places move on behind them. */
  async events(term: ReadingTerm, { after, upTo, partitions }: FeedSpan, events: readonly FeedEvent[], isWhole: boolean): Promise<ReadBatch> {
    const last = events.at(-1);
    const end = (isWhole ? upTo : undefined) ?? (last ? { horizon: last.horizon, sequence: last.sequence } : after);
    const byCustomer = Map.groupBy(events, ({ customerId }) => customerId);
    for (const { occurredAt } of events) term.newestEventAt = latest(term.newestEventAt, occurredAt);
    const held = await timed('read states', this.held(term, [...byCustomer.keys()]));
    const now = await this.now(term);
    const readings = [...byCustomer].map(([customerId, theirs]) => ({ customerId, held: held.get(customerId), events: theirs, now }));
    const advances = term.advance(partitions, { position: end });
    const states = await timed('score', scoreAll(readings, this.options(term, end)));
    return { now, readings, states, gone: [], advances };
  }

  /** Customers whose ids came or went, anew from the events that are theirs now. */
  async anew(term: ReadingTerm, customerIds: readonly string[]): Promise<Omit<ReadBatch, 'advances'>> {
    const held = await this.held(term, customerIds);
    const now = await this.now(term);
    const readings = customerIds.map((customerId) => ({ customerId, held: held.get(customerId), events: [], now }));
    return { now, readings, ...(await scoreAnew(readings, this.options(term))) };
  }

  /** Customers at another time than they were read at last. */
  async at(term: ReadingTerm, held: readonly HeldState[], now: Micros): Promise<Omit<ReadBatch, 'advances'>> {
    const readings = held.map((state) => ({ customerId: state.customerId, held: state, events: [], now }));
    return { now, readings, states: await scoreAll(readings, this.options(term)), gone: [] };
  }

  /** The workspace's, as far as this term knows its newest event. */
  now(term: ReadingTerm): Promise<Micros> {
    return this.parts.directory.now(this.workspaceId, term.newestEventAt);
  }

  /** Where a state has to be built anew, from all events up to where its partition stands. */
  private options(term: ReadingTerm, upTo: Position = term.span.after): ReadingOptions {
    const { feed, requestsAtOnce, log } = this.parts;
    return { scorer: term.parts.scorer, allEvents: (ids) => feed.ofCustomers(this.workspaceId, ids, upTo), requestsAtOnce, log };
  }

  private async held(term: ReadingTerm, customerIds: readonly string[]): Promise<Map<string, HeldState>> {
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

/** The later of two times, of which either may be unknown. */
export function latest(one: Micros | null, other: Micros | null): Micros | null {
  return one === null ? other : other === null ? one : Math.max(one, other);
}
