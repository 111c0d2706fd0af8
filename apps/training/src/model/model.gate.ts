import { worker } from '#libs/contracts';

/** What the gate looks at. */
export interface Candidate {
  readonly measures: readonly worker.Measure[];
  readonly segments: readonly worker.DiscoveredSegment[];
  /** Customers of the snapshot, and those that the model has a place for. */
  readonly customers: number;
  readonly placed: number;
  /** Of the model that is served; none where there is none. */
  readonly championMeasures: readonly worker.Measure[];
}

export interface Verdict {
  readonly state: 'APPROVED' | 'HELD';
  /** For a person: what was found, or what stands against the model. */
  readonly sentence: string;
}

/** Agreement of the segments under refits below which they are chance more than behaviour. */
const STABLE = 0.6;
/** How much worse than recency, frequency and monetary value the foresight may be: what folds vary by. */
const WORSE_BY = 0.02;

/**
 * The gate: a model is approved when everyone has a place, there are at least two segments, they come out
 * alike under refits, it foresees anything at all, and that no worse than recency, frequency and monetary value.
 * A figure that was not measured (too few customers came, or stayed away) does not stand against it, but for its foresight where that of the
 * served model was: it would go unseen whether the model that replaces it foresees worse.
 */
export function judgeCandidate({ measures, segments: drawn, customers, placed, championMeasures }: Candidate): Verdict {
  const segments = drawn.filter(isOnMainLevel);
  const stability = find(measures, 'ari', ['segments']);
  const foresight = foresightOf(measures);
  const replaced = foresightOf(championMeasures);
  const rival = find(measures, 'auc', ['rfm']);
  const against: string[] = [];
  if (placed < customers) against.push(`${count(customers - placed)} of ${count(customers)} customers have no place in it`);
  if (segments.length < 2) against.push(`it found ${segments.length === 1 ? 'only one segment' : 'no segments'}`);
  if (stability !== undefined && stability < STABLE) {
    against.push(`its segments do not come out alike when they are found again (agreement ${figure(stability)}, at least ${figure(STABLE)} is asked for)`);
  }
  if (find(measures, 'foreseen', ['forecast']) === 0) {
    against.push('none of its pretext tasks foresees what customers do, as horizon does: it would be served without a forecast');
  }
  if (foresight !== undefined && rival !== undefined && foresight < rival - WORSE_BY) {
    against.push(`it foresees customers worse than recency, frequency and monetary value do (AUC ${figure(foresight)} against ${figure(rival)})`);
  }
  if (foresight === undefined && replaced !== undefined) {
    against.push(`how well it foresees customers could not be measured, as it could of the served model (AUC ${figure(replaced)}): too few of them came, or stayed away, in the time that it is measured on`);
  }
  if (against.length > 0) return { state: 'HELD', sentence: `Held: ${against.join('; ')}.` };
  const found = [`${segments.length} segments`];
  if (stability !== undefined) found.push(`alike when found again (agreement ${figure(stability)})`);
  if (foresight !== undefined && rival !== undefined) {
    found.push(`foresees customers with AUC ${figure(foresight)}, against ${figure(rival)} by recency, frequency and monetary value${beside(measures, foresight)}`);
  }
  found.push(`all ${count(placed)} customers have a place`);
  return { state: 'APPROVED', sentence: `Approved: ${found.join('; ')}.` };
}

/**
 * What hand-made aggregates reach, at the end of the sentence. They do not hold a model back, for they draw no segments; but whoever reads
 * the verdict learns from it where they foresee better.
 */
function beside(measures: readonly worker.Measure[], foresight: number): string {
  const byHand = find(measures, 'auc', ['aggregates']);
  if (byHand === undefined) return '';
  if (byHand <= foresight) return ` and ${figure(byHand)} by hand-made aggregates`;
  const close = Math.abs(byHand - foresight) <= Math.max(deviation(measures, 'embedding'), deviation(measures, 'aggregates'));
  return ` (hand-made aggregates foresee ${close ? 'a little ' : ''}better: ${byHand.toFixed(3)} against ${foresight.toFixed(3)})`;
}

const deviation = (measures: readonly worker.Measure[], subject: string): number =>
  measures.find((measure) => measure.name === 'auc' && measure.subject === subject)?.deviation ?? 0;

/** Coarser and finer segments are other cuts through the same customers. */
export const isOnMainLevel = ({ level }: worker.DiscoveredSegment): boolean =>
  level !== worker.SegmentLevel.COARSER && level !== worker.SegmentLevel.FINER;

const foresightOf = (measures: readonly worker.Measure[]): number | undefined => find(measures, 'auc', ['forecast', 'embedding']);

/** The best of a measure over the subjects, undefined when none of them was measured. */
function find(measures: readonly worker.Measure[], name: string, subjects: readonly string[]): number | undefined {
  const values = measures.filter((measure) => measure.name === name && subjects.includes(measure.subject)).map(({ value }) => value);
  const finite = values.filter(Number.isFinite);
  return finite.length > 0 ? Math.max(...finite) : undefined;
}

const figure = (value: number): string => value.toFixed(2);
const count = (value: number): string => value.toLocaleString('en-GB');
