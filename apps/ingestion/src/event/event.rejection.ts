import { callOf } from './event.call.js';
import type { IntakeEvent, Rejection, RejectionReason } from './event.js';

/** Refuses an event that could have been stored as it is, and keeps it whole: as a call that can be sent again. */
export function rejectionOf(event: IntakeEvent, reason: RejectionReason, detail: string): Rejection {
  const { messageId, receivedAt, line } = event;
  return { messageId, reason, detail, receivedAt, payload: Buffer.from(callOf(event)), unit: 'EVENT', ...(line === undefined ? {} : { line }) };
}
