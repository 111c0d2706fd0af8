import { setTimeout as rest } from 'node:timers/promises';

import { type Position, positionAfter } from '#libs/database';

import type { BatchReader } from '../scoring/batch.reader.js';
import type { BatchRepository } from '../scoring/batch.repository.js';
import type { FeedEvent, FeedRepository, FeedSpan } from '../scoring/feed.repository.js';
import type { ReadingTerm } from '../scoring/reading.term.js';

export interface ShadowParts {
  readonly feed: FeedRepository;
  readonly batches: BatchRepository;
  readonly reader: BatchReader;
}

/** The first events of a span: all of them, or as many as are read at once. */
interface Found {
  readonly span: FeedSpan;
  readonly events: readonly FeedEvent[];
  readonly isWhole: boolean;
}

/** As many as of the served model: whoever waits for that one waits for no more than one batch at the event loop. */
const EVENTS_PER_BATCH = 2_000;
/** A round that is not this much smaller than the one before says that events come as fast as they are read. */
const STILL_GAINING = 0.75;
/** That many more are taken in after a switch before anybody notices. */
const FEW_EVENTS = 100;

/** Brings the states of one model, which is not served, from where they stand to the newest event. */
export class ShadowReading {
  constructor(
    private readonly workspaceId: string,
    private readonly term: ReadingTerm,
    private readonly parts: ShadowParts,
  ) {}

  /** Until next to nothing is left, or as much as comes meanwhile; says how many events were in each batch. Throws StaleBatch. */
  async *batches(): AsyncGenerator<number> {
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      let taken = 0;
      for await (const events of this.round()) {
        taken += events;
        yield events;
      }
      if (taken <= FEW_EVENTS || taken > before * STILL_GAINING) return;
      before = taken;
    }
  }

  /**
   * Up to the event that is the newest as it begins. Few events are taken in for everyone at once; where there are more, for one
   * partition after another: each of its fewer customers then has more of them, and is read and written once for all.
   */
  private async *round(): AsyncGenerator<number> {
    const { term } = this;
    const head = await this.parts.feed.head(this.workspaceId);
    for (;;) {
      const { span } = term;
      const upTo = span.upTo ?? head;
      if (!positionAfter(upTo, span.after)) return;
      const all = await this.find({ ...span, upTo });
      if (all.isWhole) yield await this.take(all);
      else for (const partition of span.partitions) yield* this.partition(partition, upTo);
    }
  }

  /** Half of the time is theirs who wait for the served model. The last events are read without a rest: the sooner, the fewer they are. */
  private async *partition(partition: number, upTo: Position): AsyncGenerator<number> {
    for (let isWhole = false; !isWhole; ) {
      const began = performance.now();
      const found = await this.find(this.term.spanOf(partition, upTo));
      yield await this.take(found);
      isWhole = found.isWhole;
      await rest(performance.now() - began);
    }
  }

  private async find(span: FeedSpan): Promise<Found> {
    const events = await this.parts.feed.after(this.workspaceId, span, EVENTS_PER_BATCH);
    return { span, events, isWhole: events.length < EVENTS_PER_BATCH };
  }

  private async take({ span, events, isWhole }: Found): Promise<number> {
    const { term, parts: { reader, batches } } = this;
    const { states, advances } = await reader.events(term, span, events, isWhole);
    await batches.commitShadow(this.workspaceId, { served: term.served, advances, newestEventAt: term.newestEventAt, states });
    term.handOver(states, [], Promise.resolve());
    return events.length;
  }
}
