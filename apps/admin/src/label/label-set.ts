import type { LabelSetsQuery } from '../gen/graphql';
import type { Tone } from '../parts/figures';

export type LabelSet = LabelSetsQuery['labelSets']['nodes'][number];
export type Head = NonNullable<LabelSet['servedHead']>;

const VERDICTS: Record<NonNullable<Head['evaluation']>['verdict'], { words: string; tone: Tone }> = {
  AHEAD: { words: 'ahead of hand-made features', tone: 'good' },
  LEVEL: { words: 'level with the best rival', tone: 'plain' },
  BEHIND: { words: 'behind the best rival', tone: 'warn' },
};
export const verdictInWords = (head: Head): { words: string; tone: Tone } | undefined => head.evaluation === null ? undefined : VERDICTS[head.evaluation.verdict];

const SUBJECTS: Readonly<Record<string, string>> = {
  head: 'this head',
  forecast: 'the forecast, without a label',
  rfm: 'recency, frequency, money',
  aggregates: 'hand-made aggregates',
  'aggregates, boosted': 'boosted trees on aggregates',
};
export const subjectInWords = (subject: string): string => SUBJECTS[subject] ?? subject;

export const isGoing = ({ state }: Head): boolean => state === 'QUEUED' || state === 'RUNNING';
