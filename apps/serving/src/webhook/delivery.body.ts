import type { ingestion, unusualEvent } from '#libs/contracts';

import { membershipCursor, unusualCursor } from '../change/change.cursor.js';
import { publicId } from '../page/public-id.js';
import { EVENT_ALERT, type WebhookEvent } from './webhook.event.js';
import type { ToldChange } from './webhook.feed.js';

/** What a change is to a receiver: of a move, the segment that was left (part 0) or the one that was entered (1). */
export interface Occurrence {
  readonly part: 0 | 1;
  readonly event: WebhookEvent;
  /** Null where it is of no segment. */
  readonly segmentId: string | null;
}

/** Which changes a receiver is told of. */
export interface Selection {
  /** Null: all. */
  readonly segmentIds: readonly string[] | null;
  readonly events: readonly string[];
}

/** What a change is to a receiver; a move between two of its segments is two events. */
export function occurrencesOf(change: ToldChange, { segmentIds, events }: Selection): Occurrence[] {
  const occurrences: Occurrence[] = [];
  const isTold = (id: string | null): id is string => id !== null && (segmentIds === null || segmentIds.includes(id));
  if (change.kind === 'NOVELTY') occurrences.push({ part: 0, event: change.isUnusual ? 'Customer Unusual' : 'Customer Usual Again', segmentId: null });
  else {
    if (isTold(change.fromSegmentId)) occurrences.push({ part: 0, event: 'Segment Exited', segmentId: change.fromSegmentId });
    if (isTold(change.toSegmentId)) occurrences.push({ part: 1, event: 'Segment Entered', segmentId: change.toSegmentId });
  }
  return occurrences.filter(({ event }) => events.includes(event));
}

/** The change in the form of a track call of Segment's specification, so that what takes those takes this. */
export function trackCall(messageId: string, change: ToldChange, { event, segmentId }: Occurrence, segmentName: string, customer: ingestion.Customer): object {
  return {
    ...callOf(messageId, event, customer),
    timestamp: change.at.toISOString(),
    properties: {
      ...(segmentId === null ? {} : { segment_id: publicId('Segment', segmentId), segment_name: segmentName }),
      customer_id: publicId('Customer', customer.id),
      ...(event === 'Segment Entered' && change.kind === 'MOVE' ? { strength: change.strength } : {}),
      ...(change.kind === 'NOVELTY' ? { novelty: change.novelty, threshold: change.threshold } : {}),
      decided_at: change.decidedAt.toISOString(),
      ...(change.kind === 'NOVELTY' ? { cause: change.cause } : { is_by_promotion: change.byPromotion }),
      cursor: (change.kind === 'NOVELTY' ? unusualCursor : membershipCursor).write([change.xid, change.sequence]),
    },
  };
}

/** The same of an event that is unusual. */
export function alertCall(messageId: string, { occurredAt, eventId, type, name, novelty, threshold, cursor }: unusualEvent.UnusualEvent, customer: ingestion.Customer): object {
  return {
    ...callOf(messageId, EVENT_ALERT, customer),
    ...(occurredAt === undefined ? {} : { timestamp: new Date(occurredAt).toISOString() }),
    properties: { customer_id: publicId('Customer', customer.id), event_id: publicId('Event', eventId), event_type: type, event_name: name, novelty, threshold, cursor },
  };
}

function callOf(messageId: string, event: WebhookEvent, { userId, anonymousIds, id }: ingestion.Customer): object {
  return { type: 'track', event, messageId, ...(userId === '' ? { anonymousId: anonymousIds[0] ?? id } : { userId }) };
}
