import { ingestion } from '#libs/contracts';

import type { ImportRow, ImportState } from './import.repository.js';

const STATE = {
  QUEUED: ingestion.ImportState.QUEUED,
  RUNNING: ingestion.ImportState.RUNNING,
  SUCCEEDED: ingestion.ImportState.SUCCEEDED,
  FAILED: ingestion.ImportState.FAILED,
  CANCELLED: ingestion.ImportState.CANCELLED,
} as const satisfies Record<ImportState, ingestion.ImportState>;

export function importOf(row: ImportRow, now = Date.now()): ingestion.Import {
  const { started_at, finished_at } = row;
  const seconds = started_at === null ? 0 : ((finished_at === null ? now : Date.parse(finished_at)) - Date.parse(started_at)) / 1000;
  const [read, total] = [Number(row.rows_read), Number(row.rows_total)];
  const rowsPerSecond = seconds > 0 ? read / seconds : 0;
  return {
    id: row.id,
    state: STATE[row.state],
    fileName: row.file_name,
    startedAt: started_at ?? undefined,
    finishedAt: finished_at ?? undefined,
    rowsRead: read,
    rowsTotal: total,
    rowsFolded: Number(row.rows_folded),
    skipped: countsOf(row.skipped),
    rejected: countsOf(row.rejected),
    eventsStored: Number(row.events_stored),
    eventsDuplicate: Number(row.events_duplicate),
    eventsRejected: Number(row.events_rejected),
    rowsPerSecond,
    remainingSeconds: finished_at === null && rowsPerSecond > 0 ? Math.max(total - read, 0) / rowsPerSecond : 0,
    error: row.error,
    mapping: JSON.stringify(row.mapping),
  } satisfies ingestion.Import;
}

function countsOf(rows: Readonly<Record<string, number>>): ingestion.RowCount[] {
  return Object.entries(rows)
    .map(([reason, count]) => ({ reason, rows: count }))
    .sort((a, b) => b.rows - a.rows);
}
