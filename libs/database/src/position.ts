import type { feed } from '#libs/contracts';

/** A feed position as stored (two bigints) and as messages carry it. */
export type Position = feed.FeedPosition;

export const ZERO_POSITION: Position = Object.freeze({ horizon: 0, sequence: 0 });

/** True if `a` lies after `b`. */
export function positionAfter(a: Position, b: Position): boolean {
  return a.horizon > b.horizon || (a.horizon === b.horizon && a.sequence > b.sequence);
}
