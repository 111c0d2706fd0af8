import type { EventInput } from '../gen/resolvers.js';

/** A call in Segment's form, as ingestion takes it: the input is one, and null says there what leaving out does. */
export function toSegmentCall(input: EventInput): Buffer {
  return Buffer.from(JSON.stringify(input));
}
