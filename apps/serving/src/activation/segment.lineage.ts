/** Customers that were in one segment and are in another after the change of model. */
export interface Flow {
  readonly from: string | null;
  readonly to: string | null;
  readonly customers: number;
}

export interface LineageStep {
  readonly segmentId: string;
  readonly kind: 'BORN' | 'KEPT' | 'SPLIT' | 'MERGED' | 'RETIRED';
  readonly relatedSegmentIds: readonly string[];
  /** Jaccard overlap with its former self. */
  readonly overlap: number;
}

/** A share that makes a segment the main source, or the main goal, of another. */
const MOST = 0.5;
/** A retired segment names those that a quarter of its customers went to. */
const TOLD = 0.25;

/**
 * What a change of model did to each segment, from the customers that moved: kept or retired by id; a new
 * one whose customers mostly came from one segment was split off it; one that took most of several merged them.
 */
export function lineageOf(former: ReadonlySet<string>, next: ReadonlySet<string>, flows: readonly Flow[]): LineageStep[] {
  const overlap = new Overlaps(flows);
  const children = new Map<string, string[]>();
  const steps: LineageStep[] = [];
  for (const id of next) {
    const absorbed = [...former].filter((other) => other !== id && overlap.shareOfFormer(other, id) >= MOST);
    if (former.has(id)) {
      steps.push({ segmentId: id, kind: 'KEPT', relatedSegmentIds: [], overlap: overlap.jaccard(id, id) });
      const ended = absorbed.filter((other) => !next.has(other));
      if (ended.length > 0) steps.push({ segmentId: id, kind: 'MERGED', relatedSegmentIds: ended, overlap: overlap.jaccard(id, id) });
    } else if (absorbed.length > 1) {
      steps.push({ segmentId: id, kind: 'MERGED', relatedSegmentIds: absorbed, overlap: 0 });
    } else {
      const parent = [...former].find((other) => overlap.shareOfNext(other, id) >= MOST);
      if (parent === undefined) steps.push({ segmentId: id, kind: 'BORN', relatedSegmentIds: [], overlap: 0 });
      else {
        steps.push({ segmentId: id, kind: 'SPLIT', relatedSegmentIds: [parent], overlap: 0 });
        children.set(parent, [...(children.get(parent) ?? []), id]);
      }
    }
  }
  for (const id of former) {
    const split = children.get(id);
    if (!next.has(id)) {
      const heirs = [...next].filter((other) => overlap.shareOfFormer(id, other) >= TOLD);
      steps.push({ segmentId: id, kind: 'RETIRED', relatedSegmentIds: heirs, overlap: 0 });
    } else if (split) {
      steps.push({ segmentId: id, kind: 'SPLIT', relatedSegmentIds: split, overlap: overlap.jaccard(id, id) });
    }
  }
  return steps;
}

class Overlaps {
  private readonly both = new Map<string, number>();
  private readonly before = new Map<string, number>();
  private readonly after = new Map<string, number>();

  constructor(flows: readonly Flow[]) {
    const add = (counts: Map<string, number>, key: string, customers: number) => counts.set(key, (counts.get(key) ?? 0) + customers);
    for (const { from, to, customers } of flows) {
      if (from !== null) add(this.before, from, customers);
      if (to !== null) add(this.after, to, customers);
      if (from !== null && to !== null) add(this.both, `${from}>${to}`, customers);
    }
  }

  shareOfFormer(from: string, to: string): number {
    return this.count(from, to) / Math.max(this.before.get(from) ?? 0, 1);
  }

  shareOfNext(from: string, to: string): number {
    return this.count(from, to) / Math.max(this.after.get(to) ?? 0, 1);
  }

  jaccard(from: string, to: string): number {
    const either = (this.before.get(from) ?? 0) + (this.after.get(to) ?? 0) - this.count(from, to);
    return this.count(from, to) / Math.max(either, 1);
  }

  private count(from: string, to: string): number {
    return this.both.get(`${from}>${to}`) ?? 0;
  }
}
