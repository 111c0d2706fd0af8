import { jsonOf } from '#libs/grpc';

import type { EventInput } from '../gen/resolvers.js';

/** Calls in Segment's form, as ingestion takes them: the inputs are such, and null says there what leaving out does. */
export function toSegmentCalls(inputs: readonly EventInput[]): Buffer {
  return Buffer.from(jsonOf(inputs));
}
