import type { ModelDetailQuery } from '../gen/graphql';

export type Measure = NonNullable<ModelDetailQuery['model']>['evaluation']['measures'][number];

export interface Comparison {
  name: string;
  /** Ours first, then the rivals; each best first. */
  measures: Measure[];
  best: Measure | undefined;
}

/** Figures where less is better: errors, and how far a probability is off. */
const LESS_IS_BETTER = /^(ece|rmse|mae|loss|brier)/;

export function isLessBetter(name: string): boolean {
  return LESS_IS_BETTER.test(name);
}

/** The measures by what was measured: where rivals were measured too, ours stand beside them, and the best is named, be it whose it may. */
export function compare(measures: readonly Measure[]): Comparison[] {
  const groups = Map.groupBy(measures, ({ name }) => name);
  return [...groups].map(([name, of]) => {
    const sign = isLessBetter(name) ? -1 : 1;
    const sorted = [...of].sort((one, other) => Number(one.isBaseline) - Number(other.isBaseline) || sign * (other.value - one.value));
    const best = of.length > 1 ? of.reduce((leader, one) => (sign * (one.value - leader.value) > 0 ? one : leader)) : undefined;
    return { name, measures: sorted, best };
  });
}

const NAMES: Record<string, string> = {
  auc: 'Area under the ROC curve (AUC)',
  ari: 'Agreement of refits (adjusted Rand)',
  silhouette: 'Silhouette',
  ece: 'Calibration error of strength (ECE)',
  rank_me: 'Rank of the embedding (RankMe)',
  smallest_share: 'Share of the smallest segment',
};

export function measureName(name: string): string {
  return NAMES[name] ?? name.replaceAll('_', ' ');
}
