import { z } from '#libs/config';
import { worker } from '#libs/contracts';
import { isStorable } from '#libs/database';
import { RpcError } from '#libs/grpc';

/** Raised when the meaning of a stored spec changes. */
export const SPEC_VERSION = 1;

const PRECISIONS = ['', 'float32', 'bfloat16'] as const;

const oneOf = (names: readonly string[]) => `must be one of ${names.filter(Boolean).join(', ')}`;

/** What is said of a refused value stands after the field's name. */
function between(low: number, high: number) {
  const said = `must lie between ${low} and ${high}`;
  return z.number().min(low, said).max(high, said);
}
const whole = (low: number, high: number) => between(low, high).int('must be a whole number');
const orChosen = (low: number, high: number) =>
  z.number().int('must be a whole number').refine((count) => count === 0 || (count >= low && count <= high), `must be 0 (chosen) or ${low} to ${high}`);
const positive = z.number().positive('must lie above 0');
const days = z.number().min(1 / 86_400, 'must be a second (1/86400) at least');
const text = (most: number) => z.string().max(most, `must have at most ${most} characters`).refine(isStorable, 'holds a character that cannot be stored');
const name = (most: number) => text(most).min(1, 'must not be empty');
const listOf = <Item extends z.ZodType>(item: Item, most: number) => z.array(item).max(most, `may name ${most} at most`);

/** Zero, empty and unset mean "chosen from the data"; the worker knows what it has learned to do with the rest. */
const Spec = z.object({
  encoder: text(40),
  objectives: listOf(z.object({ name: name(40), weight: positive.max(1_000, 'must be at most 1000') }), 8),
  width: orChosen(4, 1_024),
  epochs: whole(0, 1_000),
  batchSize: whole(0, 8_192),
  learningRate: between(0, 1),
  horizonDays: listOf(days.max(3_660, 'must be at most 3660'), 8),
  halfLifeDays: listOf(days, 32),
  segmentCount: orChosen(2, 64),
  sampleFraction: between(0, 1),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  mainEvents: listOf(name(200), 8),
  valueProperty: text(200),
  keepLeaks: z.boolean(),
  // These are missing in runs that were stored before there were any.
  keepProperties: listOf(name(400), 200).default([]),
  leaveOutProperties: listOf(name(400), 200).default([]),
  itemField: text(200).default(''),
  precision: z.enum(PRECISIONS, { error: oneOf(PRECISIONS) }).default(''),
  continuedEpochs: whole(0, 1_000).optional(),
  continuedLearningRate: between(0, 1).default(0),
  surprise: between(0, 10).optional(),
  reads: whole(0, 256).default(0),
  heldOut: between(0, 0.5).optional(),
  itemDropout: between(0, 0.9).optional(),
  dropout: between(0, 0.9).optional(),
}).superRefine(({ keepProperties, leaveOutProperties, objectives, horizonDays, halfLifeDays, mainEvents }, context) => {
  const lists = { objectives: objectives.map((objective) => objective.name), horizonDays, halfLifeDays, mainEvents };
  for (const [field, values] of Object.entries(lists)) {
    if (new Set<unknown>(values).size < values.length) context.addIssue({ code: 'custom', path: [field], message: 'each may be named once' });
  }
  const twice = leaveOutProperties.filter((property) => keepProperties.includes(property));
  if (twice.length > 0) context.addIssue({ code: 'custom', path: ['leaveOutProperties'], message: `${twice.join(', ')} cannot be in keepProperties too` });
});

/** The spec of a new run; without one, all defaults. Throws INVALID_ARGUMENT (SPEC_INVALID) naming the field. */
export function checkedSpec(spec: worker.TrainingSpec | undefined): worker.TrainingSpec {
  const result = Spec.safeParse(spec ?? worker.TrainingSpec.fromPartial({}));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw refusedSpec(`${field}: ${issue?.message ?? 'invalid'}`, field);
}

/** `why` without a full stop. */
export const refusedSpec = (why: string, field = ''): RpcError =>
  RpcError.invalid(`The training spec cannot be used: ${why}.`, { reason: 'SPEC_INVALID', metadata: { field } });
