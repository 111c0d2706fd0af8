import type { RunDetailQuery } from '../gen/graphql';

export type Metric = NonNullable<RunDetailQuery['trainingRun']>['metrics'][number];

export interface CurveGroup {
  title: string;
  metrics: Metric[];
}

/** Losses share one picture, for they share a scale; every other figure has its own. */
export function groupCurves(metrics: readonly Metric[]): CurveGroup[] {
  const drawn = metrics.filter(({ points }) => points.length > 0);
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
};

/** "loss.next_event" -> "next event". */
export function curveName(name: string): string {
  return NAMES[name] ?? name.replace(/^loss\./, '').replace(/^validation\.loss\./, 'held out, ').replaceAll(/[._]/g, ' ');
}
