import type { ingestion } from '#libs/contracts';

import { changeCursor } from '../change/change.cursor.js';
import type { ChangeRow } from '../change/change.repository.js';
import { publicId } from '../page/public-id.js';

export type MembershipEvent = 'Segment Entered' | 'Segment Exited';

/** One half of a move: the segment that was left (part 0), or the one that was entered (1). */
export interface Crossing {
  readonly part: 0 | 1;
  readonly event: MembershipEvent;
  readonly segmentId: string;
}

/** What a change is to a receiver of these segments (null: all); a move between two of them is two events. */
export function crossingsOf({ fromSegmentId, toSegmentId }: Pick<ChangeRow, 'fromSegmentId' | 'toSegmentId'>, segmentIds: readonly string[] | null): Crossing[] {
  const crossings: Crossing[] = [];
  const isTold = (id: string | null): id is string => id !== null && (segmentIds === null || segmentIds.includes(id));
  if (isTold(fromSegmentId)) crossings.push({ part: 0, event: 'Segment Exited', segmentId: fromSegmentId });
  if (isTold(toSegmentId)) crossings.push({ part: 1, event: 'Segment Entered', segmentId: toSegmentId });
  return crossings;
}

/** The event in the form of a track call of Segment's specification, so that what takes those takes this. */
export function trackCall(messageId: string, change: ChangeRow, { event, segmentId }: Crossing, segmentName: string, customer: ingestion.Customer): object {
  return {
    type: 'track',
    event,
    messageId,
    ...(customer.userId === '' ? { anonymousId: customer.anonymousIds[0] ?? customer.id } : { userId: customer.userId }),
    timestamp: change.at.toISOString(),
    properties: {
      segment_id: publicId('Segment', segmentId),
      segment_name: segmentName,
      customer_id: publicId('Customer', customer.id),
      ...(event === 'Segment Entered' ? { strength: change.strength } : {}),
      decided_at: change.decidedAt.toISOString(),
      is_by_promotion: change.byPromotion,
      cursor: changeCursor.write([change.xid, change.sequence]),
    },
  };
}
