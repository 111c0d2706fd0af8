import type { ingestion } from '#libs/contracts';

import type { CustomerRow } from './customer.repository.js';

export function customerOf(row: CustomerRow): ingestion.Customer {
  return {
    id: row.id,
    userId: row.user_id ?? '',
    anonymousIds: row.anonymous_ids,
    firstSeenAt: row.first_seen_at ?? row.created_at,
    lastSeenAt: row.last_seen_at ?? row.created_at,
    eventCount: Number(row.event_count),
    attributes: row.attributes,
    archivedEventCount: Number(row.archived_event_count),
  } satisfies ingestion.Customer;
}
