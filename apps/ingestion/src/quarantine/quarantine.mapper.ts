import { quarantine } from '#libs/contracts';

import { rejectedOf } from '../event/event.mapper.js';
import type { RejectedRow } from '../event/event.repository.js';
import type { GroupRow } from './quarantine.repository.js';

export function groupOf(row: GroupRow & { example: RejectedRow }): quarantine.RejectedEventGroup {
  return {
    reason: row.reason,
    source: row.source,
    count: Number(row.count),
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    example: rejectedOf(row.example),
  } satisfies quarantine.RejectedEventGroup;
}
