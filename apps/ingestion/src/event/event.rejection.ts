import type { IntakeEvent, Rejection, RejectionReason } from './event.js';

/** Refuses an event that could have been stored as it is, and keeps it whole. */
export function rejectionOf(event: IntakeEvent, reason: RejectionReason, detail: string): Rejection {
  const { id, properties, context, ...rest } = event;
  const call = { ...rest, properties: JSON.parse(properties) as unknown, context: context === null ? null : (JSON.parse(context) as unknown) };
  return {
    messageId: event.messageId,
    reason,
    detail,
    receivedAt: event.receivedAt,
    payload: Buffer.from(JSON.stringify({ ...call, event: event.name, timestamp: event.occurredAt, eventId: id })),
    unit: 'EVENT',
  };
}
