import type { Flow } from './segment.lineage.js';

export const LEVELS = ['COARSER', 'MAIN', 'FINER'] as const;
export type Level = (typeof LEVELS)[number];

/** A segment as a model draws it. */
export interface DrawnLevel {
  readonly id: string;
  readonly level: Level;
  /** The segment of the next coarser level that it is part of. */
  readonly parentId: string | null;
}

/** Customers by where they were before a change of model, and are after it. */
export interface Crossing extends Flow {
  readonly fromFiner: string | null;
  readonly toFiner: string | null;
}

export function membersOf(drawn: readonly DrawnLevel[], level: Level): Set<string> {
  return new Set(drawn.filter((segment) => segment.level === level).map(({ id }) => id));
}

/** The same crossings between the segments of one level; whoever is in none of it comes from, or goes to, nowhere. */
export function flowsOf(crossings: readonly Crossing[], level: Level, formerly: readonly DrawnLevel[], now: readonly DrawnLevel[]): Flow[] {
  if (level === 'MAIN') return [...crossings];
  if (level === 'FINER') return crossings.map(({ fromFiner, toFiner, customers }) => ({ from: fromFiner, to: toFiner, customers }));
  const [wholeBefore, wholeAfter] = [formerly, now].map((drawn) => new Map(drawn.map(({ id, parentId }) => [id, parentId])));
  const wholeOf = (parents: Map<string, string | null> | undefined, id: string | null) => (id === null ? null : (parents?.get(id) ?? null));
  return crossings.map(({ from, to, customers }) => ({ from: wholeOf(wholeBefore, from), to: wholeOf(wholeAfter, to), customers }));
}
