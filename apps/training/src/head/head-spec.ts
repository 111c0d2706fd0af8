import { z } from '#libs/config';
import { head } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

/** Zero means the worker's default; the task is that of the labels. */
const Spec = z.object({
  encoder: z.enum(head.HeadEncoder).transform((encoder) => (encoder === head.HeadEncoder.UNSPECIFIED ? head.HeadEncoder.FROZEN : encoder)),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  learningRate: z.number().min(0).max(0.1),
  epochs: z.number().int().min(0).max(200),
  task: z.enum(head.HeadTask),
});

/** The spec of a new head; without one, all defaults. Throws INVALID_ARGUMENT (SPEC_INVALID) naming the field. */
export function checkedHeadSpec(spec: head.HeadSpec | undefined): head.HeadSpec {
  const result = Spec.safeParse(spec ?? head.HeadSpec.fromPartial({}));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  throw RpcError.invalid(`The head's spec cannot be used: ${field}: ${issue?.message ?? 'invalid'}.`, { reason: 'SPEC_INVALID', metadata: { field } });
}
