import type { Lease } from '../lease/partition.js';
import type { Micros } from '../time/micros.js';
import type { Place, ServedModel } from './scoring.repository.js';
import type { HeldState } from './state.repository.js';

/** Where the states of a partition stood before a batch, and stand after it. */
export interface Advance {
  readonly partition: number;
  readonly from: Place;
  readonly to: Place;
}

/** What one group commit writes. */
export interface ScoredBatch {
  /** Under which the batch was scored: another one by now makes it void. */
  readonly served: ServedModel;
  /** By the workspace's clock: when what follows from the batch is decided, also where an event is dated ahead. */
  readonly now: Micros;
  readonly leases: readonly Lease[];
  readonly advances: readonly Advance[];
  /** Null: as it was. */
  readonly newestEventAt: Micros | null;
  readonly states: readonly HeldState[];
  /** Customers without a single event now. */
  readonly gone: readonly string[];
  /** As they were before, by customer. */
  readonly former: ReadonlyMap<string, HeldState>;
  /** Lasting segment of each place in the model's bundle. */
  readonly segments: ReadonlyMap<number, string>;
}

/** The same of a model that nobody is told by: no memberships follow from it yet. */
export type ShadowBatch = Pick<ScoredBatch, 'served' | 'advances' | 'newestEventAt' | 'states'>;
