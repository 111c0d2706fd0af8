import type { EventInput } from '../gen/resolvers.js';

/** A call in Segment's form, as ingestion takes it: JSON without what was left out. */
export function toSegmentCall(input: EventInput): Buffer {
  const { type, event, name, userId, anonymousId, groupId, previousId, messageId, timestamp, properties, traits, context } = input;
  const call = { type, event, name, userId, anonymousId, groupId, previousId, messageId, timestamp, properties, traits, context };
  const said = Object.entries(call).filter(([, value]) => value !== null && value !== undefined);
  return Buffer.from(JSON.stringify(Object.fromEntries(said)), 'utf8');
}
