import type { serving } from '#libs/contracts';

import { membershipCursor } from './change.cursor.js';
import type { ChangeRow } from './change.repository.js';

export function toChange(row: ChangeRow): serving.MembershipChange {
  return {
    cursor: membershipCursor.write([row.xid, row.sequence]),
    customerId: row.customerId,
    fromSegmentId: row.fromSegmentId ?? '',
    toSegmentId: row.toSegmentId ?? '',
    strength: row.strength,
    at: row.at.toISOString(),
    decidedAt: row.decidedAt.toISOString(),
    modelId: row.modelId ?? '',
    byPromotion: row.byPromotion,
  } satisfies serving.MembershipChange;
}
