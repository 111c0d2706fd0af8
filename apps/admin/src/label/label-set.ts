import type { LabelSetsQuery } from '../gen/graphql';
import type { Tone } from '../parts/figures';
import { count, figure } from '../wording/figure';

export type LabelSet = LabelSetsQuery['labelSets']['nodes'][number];
export type Head = NonNullable<LabelSet['servedHead']>;

export type Evaluation = NonNullable<Head['evaluation']>;
export type NumberEvaluation = NonNullable<Head['numberEvaluation']>;

const VERDICTS: Record<Evaluation['verdict'], { words: string; tone: Tone }> = {
  AHEAD: { words: 'ahead of hand-made features', tone: 'good' },
  LEVEL: { words: 'level with the best rival', tone: 'plain' },
  BEHIND: { words: 'behind the best rival', tone: 'warn' },
};
export const verdictInWords = ({ verdict }: Evaluation | NumberEvaluation): { words: string; tone: Tone } => VERDICTS[verdict];

const SUBJECTS: Readonly<Record<string, string>> = {
  head: 'this head',
  forecast: 'the forecast, without a label',
  mean: 'the labels’ mean',
  rfm: 'recency, frequency, money',
  aggregates: 'hand-made aggregates',
  'aggregates, boosted': 'boosted trees on aggregates',
};
export const subjectInWords = (subject: string): string => SUBJECTS[subject] ?? subject;

/** What its labels say. */
export function labelsInWords({ labelCount, positiveCount, kind, numbers }: LabelSet): string {
  const labels = `${count(labelCount)} labels`;
  if (kind === 'BINARY') return `${labels}, ${count(positiveCount)} of them yes`;
  return numbers === null ? labels : `${labels}, from ${figure(numbers.lowest)} to ${figure(numbers.highest)}, ${figure(numbers.mean)} in the mean`;
}

/** What a head of a set needs, for whoever has none yet. */
export const NEEDED: Record<LabelSet['kind'], string> = {
  BINARY: 'ten labels of either value or more',
  NUMERIC: 'labels of twenty customers or more',
};

export const isGoing = ({ state }: Head): boolean => state === 'QUEUED' || state === 'RUNNING';
