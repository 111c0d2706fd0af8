import type { ingestion } from '#libs/contracts';

import type { SnapshotRow } from './snapshot.repository.js';

export function snapshotOf(row: SnapshotRow): ingestion.Snapshot {
  return {
    id: row.id,
    uri: row.uri,
    contentHash: row.content_hash ?? '',
    position: { horizon: Number(row.horizon), sequence: Number(row.sequence) },
    events: Number(row.events),
    customers: Number(row.customers),
    now: row.now ?? undefined,
  } satisfies ingestion.Snapshot;
}

export function progressOf({ startedAt, events, total }: { startedAt: number; events: number; total: number }): ingestion.SnapshotProgress {
  const seconds = Math.max((Date.now() - startedAt) / 1000, 0.001);
  const perSecond = events / seconds;
  return {
    eventsWritten: events,
    eventsTotal: total,
    eventsPerSecond: perSecond,
    remainingSeconds: perSecond > 0 ? (total - events) / perSecond : 0,
  } satisfies ingestion.SnapshotProgress;
}
