import type { RunDetailQuery, StartTrainingRunInput } from '../gen/graphql';

export type Spec = NonNullable<RunDetailQuery['trainingRun']>['spec'];

/** All that can be chosen of a spec, as it is typed: an empty field leaves it to the data or the default. */
export type Draft = Record<Exclude<keyof StartTrainingRunInput, 'objectives' | 'keepLeaks'>, string> & {
  /** Weight by pretext task, as typed. */
  objectives: Record<string, string>;
  keepLeaks: boolean;
};

export const PRECISIONS = ['float32', 'bfloat16'] as const;

/** Nothing chosen, or all that a spec says. */
export function draftOf(spec?: Spec): Draft {
  const said = (value: string | number | null | undefined): string => (value === null || value === undefined ? '' : String(value));
  return {
    encoder: said(spec?.encoder),
    objectives: Object.fromEntries(spec?.objectives.map(({ name, weight }) => [name, String(weight)]) ?? []),
    width: said(spec?.width),
    epochs: said(spec?.epochs),
    batchSize: said(spec?.batchSize),
    learningRate: said(spec?.learningRate),
    horizonDays: spec?.horizonDays.join(', ') ?? '',
    halfLifeDays: spec?.halfLifeDays.join(', ') ?? '',
    segmentCount: said(spec?.segmentCount),
    sampleFraction: said(spec?.sampleFraction),
    seed: said(spec?.seed),
    mainEvents: spec?.mainEvents.join(', ') ?? '',
    valueProperty: said(spec?.valueProperty),
    itemField: said(spec?.itemField),
    precision: said(spec?.precision),
    keepLeaks: spec?.keepLeaks ?? false,
    keepProperties: spec?.keepProperties.join(', ') ?? '',
    leaveOutProperties: spec?.leaveOutProperties.join(', ') ?? '',
    continuedEpochs: said(spec?.continuedEpochs),
    continuedLearningRate: said(spec?.continuedLearningRate),
    surprise: said(spec?.surprise),
    reads: said(spec?.reads),
    heldOut: said(spec?.heldOut),
    itemDropout: said(spec?.itemDropout),
    dropout: said(spec?.dropout),
  };
}

/** What is asked of the server, or what cannot be read of it, in words. */
export function specOf(draft: Draft): StartTrainingRunInput | string {
  const problems: string[] = [];
  const number = (what: string, typed: string): number | undefined => {
    if (typed.trim() === '') return undefined;
    const value = Number(typed);
    if (!Number.isFinite(value)) problems.push(`${what}: “${typed}” is not a number.`);
    return value;
  };
  const numbers = (what: string, typed: string): number[] | undefined => filled(listed(typed).flatMap((part) => number(what, part) ?? []));
  const input = {
    encoder: draft.encoder || undefined,
    objectives: filled(
      Object.entries(draft.objectives).flatMap(([name, typed]) => {
        const weight = number(name, typed);
        return weight === undefined ? [] : [{ name, weight }];
      }),
    ),
    width: number('Width', draft.width),
    epochs: number('Epochs', draft.epochs),
    batchSize: number('Customers per step', draft.batchSize),
    learningRate: number('Learning rate', draft.learningRate),
    horizonDays: numbers('Horizons', draft.horizonDays),
    halfLifeDays: numbers('Half-lives', draft.halfLifeDays),
    segmentCount: number('Segments', draft.segmentCount),
    sampleFraction: number('Share of customers', draft.sampleFraction),
    seed: number('Seed', draft.seed),
    mainEvents: filled(listed(draft.mainEvents)),
    valueProperty: draft.valueProperty.trim() || undefined,
    itemField: draft.itemField.trim() || undefined,
    precision: draft.precision || undefined,
    keepLeaks: draft.keepLeaks || undefined,
    keepProperties: filled(listed(draft.keepProperties)),
    leaveOutProperties: filled(listed(draft.leaveOutProperties)),
    continuedEpochs: number('Epochs of a retraining', draft.continuedEpochs),
    continuedLearningRate: number('Learning rate of a retraining', draft.continuedLearningRate),
    surprise: number('Loss that begins anew', draft.surprise),
    reads: number('Moments per customer', draft.reads),
    heldOut: number('Share held out', draft.heldOut),
    itemDropout: number('Dropout of items', draft.itemDropout),
    dropout: number('Dropout', draft.dropout),
  } satisfies { [Field in keyof StartTrainingRunInput]-?: StartTrainingRunInput[Field] };
  return problems[0] ?? input;
}

function listed(typed: string): string[] {
  return typed.split(',').map((part) => part.trim()).filter((part) => part !== '');
}

function filled<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined;
}
