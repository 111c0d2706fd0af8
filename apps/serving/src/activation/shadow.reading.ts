import { setTimeout as rest } from 'node:timers/promises';

import { positionAfter } from '#libs/database';

import { type BatchReader, EVENTS_PER_BATCH } from '../scoring/batch.reader.js';
import type { BatchRepository } from '../scoring/batch.repository.js';
import type { FeedEvent, FeedRepository, FeedSpan } from '../scoring/feed.repository.js';
import type { ReadingTerm } from '../scoring/reading.term.js';

export interface ShadowParts {
  readonly feed: FeedRepository;
  readonly batches: BatchRepository;
  readonly reader: BatchReader;
}

/** Of so many, a customer has several wherever that is worth anything. */
const MANY_EVENTS = 8_000;
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
   * Up to the event that is the newest as it begins: everyone's at once, or where there are many, those of one partition after another. Each of
   * its fewer customers then has more of them, and is read and written once for all. Between batches as long a time as one took is theirs who
   * wait for the served model.
   */
  private async *round(): AsyncGenerator<number> {
    const { term, workspaceId, parts: { feed } } = this;
    const head = await feed.head(workspaceId);
    for (let took = 0; ; ) {
      const { after, upTo = head, partitions } = term.span;
      if (!positionAfter(upTo, after)) return;
      const areMany = (await feed.countAfter(workspaceId, after)) >= MANY_EVENTS;
      for (const group of areMany ? partitions.map((partition) => [partition]) : [partitions]) {
        for (let isWhole = false; !isWhole; ) {
          await rest(took);
          const began = performance.now();
          const span = term.spanOf(group, upTo);
          const events = await feed.after(workspaceId, span, EVENTS_PER_BATCH);
          isWhole = events.length < EVENTS_PER_BATCH;
          await this.take(span, events, isWhole);
          took = performance.now() - began;
          yield events.length;
        }
      }
    }
  }

  private async take(span: FeedSpan, events: readonly FeedEvent[], isWhole: boolean): Promise<void> {
    const { term, parts: { reader, batches } } = this;
    const { states, advances } = await reader.events(term, span, events, isWhole);
    await batches.commitShadow(this.workspaceId, { served: term.served, advances, newestEventAt: term.newestEventAt, states });
    term.handOver(states, [], Promise.resolve());
  }
}
