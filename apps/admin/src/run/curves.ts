import type { RunDetailQuery } from '../gen/graphql';
import { MUCH_DRIFT } from '../model/drift';
import { figure, percent } from '../wording/figure';

export type Metric = NonNullable<RunDetailQuery['trainingRun']>['metrics'][number];

export interface CurveGroup {
  title: string;
  metrics: Metric[];
}

/** Losses share one picture, for they share a scale; every other figure has its own. */
export function groupCurves(metrics: readonly Metric[]): CurveGroup[] {
  const drawn = metrics.filter(({ name, points }) => points.length > 0 && !(name in FACTS));
  const isLoss = ({ name }: Metric): boolean => /(^|\.)loss(\.|$)/.test(name);
  const losses = drawn.filter(isLoss);
  const others = drawn.filter((metric) => !isLoss(metric));
  return [
    ...(losses.length > 0 ? [{ title: 'Loss', metrics: losses }] : []),
    ...others.map((metric) => ({ title: curveName(metric.name), metrics: [metric] })),
  ];
}

const NAMES: Record<string, string> = {
  loss: 'all objectives',
  'validation.loss': 'held out',
  rank_me: 'Rank of the embedding (RankMe)',
  events_per_second: 'Events a second',
  identity_recall: 'Identity recall, held out',
  alignment: 'Alignment (lower: halves agree)',
  uniformity: 'Uniformity (lower: evener)',
  'segments.stability': 'Stability by number of segments',
  'segments.foresight': 'Foresight by number of segments',
  'segments.score': 'Both together by number of segments',
};

/** What is known once, before the first step: told as figures, for there is nothing to draw. */
const FACTS = {
  'quality.left_out': { label: 'Properties left out', note: 'ids, or always the same' },
  'quality.drift': { label: 'Most drift of a property', note: `PSI; beyond ${MUCH_DRIFT} it has changed` },
  continued: { label: 'Began', note: '' },
  surprise: { label: 'Surprise of the served model', note: 'by how much worse it foresees its held-out customers now' },
};

export interface RunFact {
  label: string;
  value: string;
  note: string;
}

/** In words, those that were told. */
export function factsOf(metrics: readonly Metric[]): RunFact[] {
  return Object.entries(FACTS).flatMap(([name, { label, note }]) => {
    const value = metrics.find((metric) => metric.name === name)?.points.at(-1)?.value;
    if (value === undefined) return [];
    if (name === 'continued') return [{ label, value: value === 0 ? 'anew' : 'from the served model', note }];
    return [{ label, value: name === 'surprise' ? percent(value) : figure(value), note }];
  });
}

/** What a curve goes over: steps of the optimiser, or the numbers of segments that were tried. */
export const goesOver = (name: string): 'step' | 'segments' => (name.startsWith('segments.') ? 'segments' : 'step');

/** "loss.next_event" -> "next event". */
export function curveName(name: string): string {
  return NAMES[name] ?? name.replace(/^loss\./, '').replace(/^validation\.loss\./, 'held out, ').replaceAll(/[._]/g, ' ');
}
