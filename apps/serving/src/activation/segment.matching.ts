import type { worker } from '#libs/contracts';

/**
 * A new segment continues a champion's, and takes its id, when the one-to-one matching pairs them and they
 * share at least a third of the customers that either holds. Below that the id would come to mean something
 * else; the segment is then a new one, and its lineage says where its customers came from.
 */
export const KEPT_FROM = 1 / 3;

/** Lasting id that each new segment continues, by place in the bundle; those that are born are left out. */
export function continuedSegments(
  discovered: readonly worker.DiscoveredSegment[],
  championIds: ReadonlyMap<number, string>,
): Map<number, string> {
  const pairs = discovered
    .flatMap(({ index, overlaps }) => overlaps.map((overlap) => ({ index, ...overlap })))
    .filter(({ matched, jaccard }) => matched && jaccard >= KEPT_FROM)
    .sort((a, b) => b.jaccard - a.jaccard || a.index - b.index);
  const continued = new Map<number, string>();
  const taken = new Set<string>();
  for (const { index, championIndex } of pairs) {
    const id = championIds.get(championIndex);
    // One-to-one by the worker's word; a second claim would let two segments share an id.
    if (id === undefined || taken.has(id) || continued.has(index)) continue;
    continued.set(index, id);
    taken.add(id);
  }
  return continued;
}

export interface DrawnSegment {
  readonly id: string;
  /** As the model calls it. */
  readonly name: string;
  /** What a person called it. */
  readonly givenName: string | null;
}

/** A name for each segment, unique whatever the case: a person's names stand, a model's give way with a number. */
export function settleNames(drawn: readonly DrawnSegment[], otherNames: readonly string[]): Map<string, string> {
  const taken = new Set(otherNames.map((name) => name.toLowerCase()));
  const names = new Map<string, string>();
  const claim = (id: string, wanted: string) => {
    let name = wanted;
    for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${wanted} (${number})`;
    taken.add(name.toLowerCase());
    names.set(id, name);
  };
  for (const { id, givenName } of drawn) if (givenName !== null) claim(id, givenName);
  for (const { id, name, givenName } of drawn) if (givenName === null) claim(id, name);
  return names;
}
