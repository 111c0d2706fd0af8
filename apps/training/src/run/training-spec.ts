import { z } from '#libs/config';
import { worker } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

/** Raised when the meaning of a stored spec changes. */
export const SPEC_VERSION = 1;

const ENCODERS = ['', 'decayed_sum', 'gru', 'gated_linear', 'transformer'] as const;
const PRECISIONS = ['', 'float32', 'bfloat16'] as const;

const oneOf = (names: readonly string[]) => `must be one of ${names.filter(Boolean).join(', ')}`;

const PROPERTIES = z.array(z.string().min(1).max(400)).max(200);

/** Zero, empty and unset mean "chosen from the data"; the worker knows what it has learned to do with the rest. */
const Spec = z.object({
  encoder: z.enum(ENCODERS, { error: oneOf(ENCODERS) }),
  objectives: z.array(z.object({ name: z.string().regex(/^[a-z][a-z_]{0,40}$/), weight: z.number().positive().max(1_000) })).max(8),
  width: z.number().int().max(1_024).refine((width) => width === 0 || width >= 4, 'must be 0 (chosen) or 4 to 1024'),
  epochs: z.number().int().min(0).max(1_000),
  batchSize: z.number().int().min(0).max(8_192),
  learningRate: z.number().min(0).max(1),
  horizonDays: z.array(z.number().positive().max(3_660)).max(8),
  halfLifeDays: z.array(z.number().positive()).max(32),
  segmentCount: z.number().int().refine((count) => count === 0 || (count >= 2 && count <= 64), 'must be 0 (chosen) or 2 to 64'),
  sampleFraction: z.number().min(0).max(1),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  mainEvents: z.array(z.string().min(1).max(200)).max(16),
  valueProperty: z.string().max(200),
  keepLeaks: z.boolean(),
  // These are missing in runs that were stored before there were any.
  keepProperties: PROPERTIES.default([]),
  leaveOutProperties: PROPERTIES.default([]),
  itemField: z.string().max(200).default(''),
  precision: z.enum(PRECISIONS, { error: oneOf(PRECISIONS) }).default(''),
  continuedEpochs: z.number().int().min(0).max(1_000).optional(),
  continuedLearningRate: z.number().min(0).max(1).default(0),
  surprise: z.number().min(0).max(10).optional(),
  reads: z.number().int().min(0).max(256).default(0),
  heldOut: z.number().min(0).max(0.5).optional(),
  itemDropout: z.number().min(0).max(0.9).optional(),
  dropout: z.number().min(0).max(0.9).optional(),
}).superRefine(({ keepProperties, leaveOutProperties, objectives, horizonDays }, context) => {
  for (const [field, values] of Object.entries({ objectives: objectives.map(({ name }) => name), horizonDays })) {
    if (new Set<unknown>(values).size < values.length) context.addIssue({ code: 'custom', path: [field], message: 'each may be named once' });
  }
  const twice = leaveOutProperties.filter((name) => keepProperties.includes(name));
  if (twice.length > 0) context.addIssue({ code: 'custom', path: ['leaveOutProperties'], message: `${twice.join(', ')} cannot be in keepProperties too` });
});

/** The spec of a new run; without one, all defaults. Throws INVALID_ARGUMENT (SPEC_INVALID) naming the field. */
export function checkedSpec(spec: worker.TrainingSpec | undefined): worker.TrainingSpec {
  const result = Spec.safeParse(spec ?? worker.TrainingSpec.fromPartial({}));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw RpcError.invalid(`The training spec cannot be used: ${field}: ${issue?.message ?? 'invalid'}.`, {
    reason: 'SPEC_INVALID',
    metadata: { field },
  });
}
