import { retention } from '#libs/contracts';

import type { ArchiveRow } from './archive.repository.js';
import type { ArchiveRequestRow } from './archive.request.repository.js';
import type { RetentionPolicy } from './retention.repository.js';

const { WRITING, ARCHIVED, DROPPED, RESTORED } = retention.EventArchiveState;
/** One that is being dropped is read by nobody any more. */
const ARCHIVE_STATE = { WRITING, ARCHIVED, RESTORED, DROPPING: DROPPED, DROPPED } as const;

export function policyOf({ archiveAfterDays, dropAfterDays }: RetentionPolicy): retention.RetentionPolicy {
  return { archiveAfterDays: archiveAfterDays ?? 0, dropAfterDays: dropAfterDays ?? 0 } satisfies retention.RetentionPolicy;
}

export function archiveOf(row: ArchiveRow): retention.EventArchive {
  return {
    id: row.id,
    state: ARCHIVE_STATE[row.state],
    periodStart: row.period_start,
    periodEnd: row.period_end,
    events: Number(row.events),
    bytes: Number(row.bytes),
    sha256: row.sha256 ?? '',
    firstOccurredAt: row.first_occurred_at ?? undefined,
    lastOccurredAt: row.last_occurred_at ?? undefined,
    archivedAt: row.archived_at ?? undefined,
    droppedAt: row.dropped_at ?? undefined,
    restoredAt: row.restored_at ?? undefined,
    keptUntil: row.kept_until ?? undefined,
  } satisfies retention.EventArchive;
}

export function requestOf(row: ArchiveRequestRow): retention.ArchiveRequest {
  return {
    id: row.id,
    kind: retention.ArchiveRequestKind[row.kind],
    state: retention.ArchiveRequestState[row.state],
    requestedBy: row.requested_by,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    eventsTotal: Number(row.events_total),
    eventsDone: Number(row.events_done),
    eventsStored: Number(row.events_stored),
    eventsDuplicate: Number(row.events_duplicate),
    eventsRejected: Number(row.events_rejected),
    error: row.error,
  } satisfies retention.ArchiveRequest;
}
