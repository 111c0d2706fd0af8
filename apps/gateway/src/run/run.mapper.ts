import type { worker } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import type { StartTrainingRunInput } from '../gen/resolvers.js';

/** Whole numbers from 0 on: the message has no place for others. */
const COUNTS = ['width', 'epochs', 'batchSize', 'segmentCount', 'seed', 'continuedEpochs', 'reads'] as const;

/** Of these, the message's zero says that nothing was said. */
const POSITIVE = ['learningRate', 'sampleFraction', 'continuedLearningRate', 'reads'] as const;

/**
 * What was left out is zero, empty or (where zero says something) unset in the message: the training service takes it from the data.
 * Throws INVALID_ARGUMENT (SPEC_INVALID) naming the field.
 */
export function toTrainingSpec(input: StartTrainingRunInput): worker.TrainingSpec {
  const negative = COUNTS.find((name) => (input[name] ?? 0) < 0);
  if (negative) throw refused(negative, 'must not be below 0');
  const zero = POSITIVE.find((name) => input[name] === 0);
  if (zero) throw refused(zero, 'must lie above 0');
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

const refused = (field: string, why: string): RpcError =>
  RpcError.invalid(`The training spec cannot be used: ${field}: ${why}.`, { reason: 'SPEC_INVALID', metadata: { field } });
