import { head, label } from '#libs/contracts';
import type { schema } from '#libs/database';

/** What is counted of the labels of a set. */
export interface LabelCounts {
  readonly labels: number;
  /** Of them, those of 1. */
  readonly ones: number;
  /** Null without labels. */
  readonly lowest: number | null;
  readonly mean: number | null;
  readonly highest: number | null;
}

/** What differs between labels of yes or no and labels that are numbers. All else takes them alike, as numbers: a yes is 1, a no 0. */
interface KindOfLabels {
  /** What a head learns from them. */
  readonly task: head.HeadTask;
  /** A label's number; else what is wrong with it, for a person. */
  read(given: Pick<label.Label, 'value' | 'number'>): number | string;
  /** What keeps a head from being learned, with its remedy. */
  lack(counts: LabelCounts): string | undefined;
  /** What a label set tells of its labels. */
  summary(counts: LabelCounts): Pick<label.LabelSet, 'positives' | 'numbers'>;
  /** What a person is told of a label of theirs. */
  told(value: number): Pick<label.PersonLabel, 'value' | 'number'>;
}

const VALUES: Readonly<Record<string, number>> = { 1: 1, true: 1, yes: 1, 0: 0, false: 0, no: 0 };
/** Labels that the worker asks for: of either value, and of numbers. */
const NEEDED = { either: 10, numbers: 20 } as const;
/** Beyond it a number has no room for its ones. */
const LARGEST = 1e15;

export const KINDS: Readonly<Record<schema.$Enums.LabelKind, KindOfLabels>> = {
  BINARY: {
    task: head.HeadTask.CLASSIFICATION,
    read: ({ value, number }) => {
      if (number !== undefined) return 'These labels are yes or no: give value, not number.';
      return VALUES[value.trim().toLowerCase()] ?? `The value "${shortened(value)}" is neither yes nor no; write 1 or 0.`;
    },
    lack: ({ labels, ones }) =>
      Math.min(ones, labels - ones) < NEEDED.either ? `A head needs ${NEEDED.either} labels of either value; there are ${ones} yes and ${labels - ones} no. Add more.` : undefined,
    summary: ({ ones }) => ({ positives: ones, numbers: undefined }),
    told: (value) => ({ value: value === 1, number: undefined }),
  },
  NUMERIC: {
    task: head.HeadTask.REGRESSION,
    read: ({ value, number }) => {
      const given = number ?? (value.trim() === '' ? Number.NaN : Number(value));
      return Math.abs(given) <= LARGEST ? given : `The value "${number ?? shortened(value)}" is no number from -1e15 to 1e15; write one like 12.5, in a list as number.`;
    },
    lack: ({ labels, lowest, highest }) => {
      if (labels < NEEDED.numbers) return `A head needs labels of ${NEEDED.numbers} customers; there are ${labels} labels. Add more.`;
      return lowest === highest ? `A head needs different numbers; all labels say ${lowest}.` : undefined;
    },
    summary: ({ lowest, mean, highest }) => ({ positives: 0, numbers: lowest === null || mean === null || highest === null ? undefined : { lowest, mean, highest } }),
    told: (value) => ({ value: false, number: value }),
  },
};

/** Undefined for a kind that there is none of. */
export const kindOf = (asked: label.LabelKind): schema.$Enums.LabelKind | undefined =>
  (Object.keys(KINDS) as schema.$Enums.LabelKind[]).find((kind) => label.LabelKind[kind] === asked);

const shortened = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);
