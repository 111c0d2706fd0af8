import { type Position, positionAfter } from '#libs/database';

import type { Lease } from '../lease/partition.js';
import type { Micros } from '../time/micros.js';
import type { Advance } from './scored.batch.js';
import type { FeedSpan } from './feed.repository.js';
import type { Scorer } from './scorer.js';
import { leastOf, type Place, type ServedModel, type Standing } from './scoring.repository.js';
import type { StateCache } from './state.cache.js';
import type { HeldState } from './state.repository.js';

export interface TermParts {
  readonly leases: readonly Lease[];
  readonly segments: ReadonlyMap<number, string>;
  readonly scorer: Scorer;
  readonly states: ReturnType<StateCache['of']>;
}

/**
 * What is known while one model is served under one fence, the same partitions are leased and nobody is
 * forgotten. It runs ahead of the tables by one batch, which is being committed while the next one is read.
 */
export class ReadingTerm {
  readonly served: ServedModel;
  newestEventAt: Micros | null;
  /** Rejects where the batch that was handed over last was not written. */
  committing: Promise<void> = Promise.resolve();
  private readonly places: Map<number, Place>;
  /** States in the batch that is being committed. */
  private pending: ReadonlyMap<string, HeldState> = new Map();

  constructor(
    { served, places }: Standing,
    readonly parts: TermParts,
  ) {
    this.served = served;
    this.newestEventAt = served.newestEventAt;
    this.places = new Map(places);
  }

  /** Whether a model that is seen to be served is this term's. */
  isOf(served: ServedModel | undefined): boolean {
    return served?.modelId === this.served.modelId && served.fence === this.served.fence && served.erasures === this.served.erasures;
  }

  get partitions(): number[] {
    return [...this.places.keys()];
  }

  /** Whoever lies furthest behind is read up to the next ones; once all are in step they go on together. */
  get span(): FeedSpan {
    const after = leastOf([...this.places.values()].map(({ position }) => position));
    const ahead = [...this.places.values()].map(({ position }) => position).filter((position) => positionAfter(position, after));
    const partitions = [...this.places].filter(([, { position }]) => !positionAfter(position, after)).map(([partition]) => partition);
    return { after, upTo: ahead.length > 0 ? leastOf(ahead) : undefined, partitions };
  }

  /** What some partitions that stand in step have to read to get to a position. */
  spanOf(partitions: readonly number[], upTo: Position): FeedSpan {
    return { after: leastOf(partitions.flatMap((partition) => this.places.get(partition)?.position ?? [])), upTo, partitions };
  }

  get mapping(): Position {
    return leastOf([...this.places.values()].map(({ mapping }) => mapping));
  }

  /** Moves partitions on to where a batch ends that is being read. */
  advance(partitions: readonly number[], to: Partial<Place>): Advance[] {
    return partitions.flatMap((partition) => {
      const from = this.places.get(partition);
      if (!from) return [];
      const place = { ...from, ...to };
      this.places.set(partition, place);
      return [{ partition, from, to: place }];
    });
  }

  held(customerId: string): HeldState | undefined {
    return this.pending.get(customerId) ?? this.parts.states.get(customerId);
  }

  /** A batch was read and is on its way into the tables; the one before it is in them. */
  handOver(states: readonly HeldState[], gone: readonly string[], committed: Promise<void>): void {
    for (const held of this.pending.values()) this.parts.states.set(held);
    for (const customerId of gone) this.parts.states.drop(customerId);
    this.pending = new Map(states.map((held) => [held.customerId, held]));
    this.committing = committed;
    // Heard by whoever reads on.
    committed.catch(() => undefined);
  }

  /** Nothing of it is used any more once this resolves. */
  async end(): Promise<void> {
    this.parts.scorer.close();
    await this.committing.catch(() => undefined);
  }
}
