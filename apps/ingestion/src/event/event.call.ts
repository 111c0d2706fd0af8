import type { IntakeEvent } from './event.js';

/** A decoded event as a call in Segment's form again (JSON): decoded once more it is the same, its time corrected already. */
export function callOf({ type, messageId, name, occurredAt, userId, anonymousId, groupId, previousId, properties, context }: IntakeEvent): string {
  const said = JSON.parse(properties) as unknown;
  return JSON.stringify({
    type,
    messageId,
    timestamp: occurredAt,
    ...(type === 'track' ? { event: name } : {}),
    ...present({ userId, anonymousId, groupId, previousId }),
    ...(type === 'identify' || type === 'group' ? { traits: said } : { properties: said }),
    ...(context === null ? {} : { context: JSON.parse(context) as unknown }),
  });
}

function present(ids: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(ids).filter((entry): entry is [string, string] => entry[1] !== null));
}
