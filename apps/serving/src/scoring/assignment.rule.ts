/**
 * The one rule that turns what a model reads into where a customer is. It is deterministic and knows nothing
 * but its arguments, so the same reads give the same memberships again (decisions.md).
 *
 * Hysteresis: a reading in another segment moves the customer at once when it is at least CLEAR (the
 * customer falls there under refits at least so often); a weaker one is remembered and moves the customer
 * when the next reading says the same. Borderline customers thus do not flicker, and none is held for longer
 * than one reading that agrees with the last. What is unlike anything seen, or was, moves at once.
 */

/** Place in the bundle of what is unlike anything the model has seen. */
export const UNSEEN = -1;
export const CLEAR = 0.55;

export interface Reading {
  readonly segmentIndex: number;
  /** Place of the finer segment within it; undefined where it is not split. */
  readonly finerIndex?: number | undefined;
  /** Probability of the same segment under refits, 0..1. */
  readonly strength: number;
}

export interface Placed extends Omit<Reading, 'finerIndex'> {
  /** Always a part of `segmentIndex`: whoever is held back from another segment stays where they are in this one. */
  readonly finerIndex: number | null;
  /** Segment that the last reading spoke for, too weakly to move there. */
  readonly candidateIndex: number | null;
}

export function place(held: Placed | undefined, read: Reading): Placed {
  const moved = { ...read, finerIndex: read.finerIndex ?? null, candidateIndex: null };
  if (held === undefined || held.segmentIndex === read.segmentIndex) return moved;
  if (held.segmentIndex === UNSEEN || read.segmentIndex === UNSEEN) return moved;
  if (read.strength >= CLEAR || held.candidateIndex === read.segmentIndex) return moved;
  // What is left for the segment that is kept is at most what the other one does not have.
  const { segmentIndex, finerIndex } = held;
  return { segmentIndex, finerIndex, strength: Math.min(held.strength, 1 - read.strength), candidateIndex: read.segmentIndex };
}
