import type { ModelDetailQuery } from '../gen/graphql';

export type Measure = NonNullable<ModelDetailQuery['model']>['evaluation']['measures'][number];

export interface Comparison {
  name: string;
  /** What it means, in a sentence; empty where it is not known here. */
  means: string;
  /** A share of which more is better: a bar says something. */
  isShare: boolean;
  /** Ours first, then the rivals; each best first. */
  measures: Measure[];
  best: Measure | undefined;
}

/** What a figure is called, what it means, and which way is better: 1 more, -1 less, 0 neither by itself. */
interface Kind {
  name: string;
  means: string;
  better: 1 | -1 | 0;
}

const KINDS: Record<string, Kind> = {
  auc: { name: 'AUC, logistic regression', means: 'Chance that somebody who will is ranked above somebody who will not; .5 is guessing', better: 1 },
  auc_boosted: { name: 'AUC, LightGBM', means: 'The same by boosted trees', better: 1 },
  auc_200_labels: { name: 'AUC with 200 labels', means: 'The same where only 200 customers are known to learn from', better: 1 },
  membership_auc: { name: 'AUC of the segments alone', means: 'How well the segment that somebody is in foretells', better: 1 },
  eta_squared: { name: 'Spread between segments', means: 'Share of the variance of what is to come that lies between segments', better: 1 },
  ari: { name: 'Agreement of refits', means: 'Adjusted Rand index of segments drawn again from resampled customers; 1 is the same', better: 1 },
  silhouette: { name: 'Silhouette', means: 'How much nearer customers are to their own segment than to the next', better: 1 },
  smallest_share: { name: 'Smallest segment', means: 'Share of the customers in it', better: 0 },
  ece: { name: 'Calibration error', means: 'How far said probabilities are from what happens, on average', better: -1 },
  identity_recall: { name: 'Identity recall', means: 'How often the two halves of one life find each other: high where the embedding knows who, and not how', better: 0 },
  alignment: { name: 'Alignment', means: 'How far apart two halves of one life lie (Wang and Isola 2020)', better: -1 },
  uniformity: { name: 'Uniformity', means: 'How evenly customers are spread over the sphere (Wang and Isola 2020)', better: -1 },
  foreseen: { name: 'Foreseen', means: 'Chances and amounts that it says of a customer; 0: it only tells customers apart', better: 0 },
  rank_me: { name: 'Rank of the embedding', means: 'Effective number of its dimensions (RankMe)', better: 0 },
};

/** Figures that only a later worker knows. */
function kindOf(name: string): Kind {
  return KINDS[name] ?? { name: name.replaceAll('_', ' '), means: '', better: 1 };
}

/** The measures by what was measured: where rivals were measured too, ours stand beside them, and the best is named, be it whose it may. */
export function compare(measures: readonly Measure[]): Comparison[] {
  const groups = Map.groupBy(measures, ({ name }) => name);
  return [...groups].map(([name, of]) => {
    const { name: called, means, better } = kindOf(name);
    const sorted = [...of].sort((one, other) => Number(one.isBaseline) - Number(other.isBaseline) || better * (other.value - one.value));
    const isCompared = of.length > 1 && of.some(({ isBaseline }) => isBaseline);
    const best = isCompared && better !== 0 ? of.reduce((leader, one) => (better * (one.value - leader.value) > 0 ? one : leader)) : undefined;
    return { name: called, means, measures: sorted, best, isShare: better === 1 && of.every(({ value }) => value >= 0 && value <= 1) };
  });
}

const SUBJECTS: Record<string, string> = {
  rfm: 'recency, frequency, money',
  aggregates: 'hand-made aggregates',
  untrained: 'untrained encoder',
  embedding: 'embedding',
  'aggregates+embedding': 'aggregates and embedding',
  forecast: 'forecast, without labels',
};

export function subjectName(subject: string): string {
  return SUBJECTS[subject] ?? subject.replaceAll('_', ' ');
}
