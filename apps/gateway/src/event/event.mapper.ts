import type { EventInput } from '../gen/resolvers.js';

/** A call in Segment's form, as ingestion takes it: JSON without what was left out. */
export function toSegmentCall(input: EventInput): Buffer {
  const { type, event, name, userId, anonymousId, groupId, previousId, messageId, timestamp, properties, traits, context } = input;
  const call = { type, event, name, userId, anonymousId, groupId, previousId, messageId, timestamp, properties, traits, context };
  return Buffer.from(JSON.stringify(call, (_key, value: unknown) => value ?? undefined), 'utf8');
}
