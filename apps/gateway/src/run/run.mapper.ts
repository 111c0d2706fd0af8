import type { worker } from '#libs/contracts';

import type { StartTrainingRunInput } from '../gen/resolvers.js';

/** What was left out is zero, empty or (where zero says something) unset in the message: the training service takes it from the data. */
export function toTrainingSpec(input: StartTrainingRunInput): worker.TrainingSpec {
  return {
    encoder: input.encoder ?? '',
    objectives: (input.objectives ?? []).map(({ name, weight }) => ({ name, weight: weight ?? 1 })),
    width: input.width ?? 0,
    epochs: input.epochs ?? 0,
    batchSize: input.batchSize ?? 0,
    learningRate: input.learningRate ?? 0,
    horizonDays: [...(input.horizonDays ?? [])],
    halfLifeDays: [...(input.halfLifeDays ?? [])],
    segmentCount: input.segmentCount ?? 0,
    sampleFraction: input.sampleFraction ?? 0,
    seed: input.seed ?? 0,
    mainEvents: [...(input.mainEvents ?? [])],
    valueProperty: input.valueProperty ?? '',
    keepLeaks: input.keepLeaks ?? false,
    keepProperties: [...(input.keepProperties ?? [])],
    leaveOutProperties: [...(input.leaveOutProperties ?? [])],
    itemField: input.itemField ?? '',
    precision: input.precision ?? '',
    continuedEpochs: input.continuedEpochs ?? undefined,
    continuedLearningRate: input.continuedLearningRate ?? 0,
    surprise: input.surprise ?? undefined,
    reads: input.reads ?? 0,
    heldOut: input.heldOut ?? undefined,
    itemDropout: input.itemDropout ?? undefined,
    dropout: input.dropout ?? undefined,
  } satisfies worker.TrainingSpec;
}
