import { ingestion } from '#libs/contracts';

import type { ImportRow, ImportState } from './import.repository.js';

const STATE = {
  QUEUED: ingestion.ImportState.QUEUED,
  RUNNING: ingestion.ImportState.RUNNING,
  SUCCEEDED: ingestion.ImportState.SUCCEEDED,
  FAILED: ingestion.ImportState.FAILED,
  CANCELLED: ingestion.ImportState.CANCELLED,
} as const satisfies Record<ImportState, ingestion.ImportState>;

/** Of the whole, what reading takes before anything is written, about. */
const READING_SHARE = 0.2;

export function importOf(row: ImportRow, now = Date.now()): ingestion.Import {
  const { started_at, finished_at } = row;
  const isRunning = row.state === 'RUNNING';
  const isReading = isRunning && row.staged_share < 1;
  const [read, total] = [Number(row.rows_read), Number(row.rows_total)];
  const staged = isReading ? Math.round(row.staged_share * Number(row.rows_expected)) : total;
  const written = total > 0 ? read / total : 0;
  const progress = isReading ? READING_SHARE * row.staged_share : total > 0 ? READING_SHARE + (1 - READING_SHARE) * written : 0;
  const seconds = secondsFrom(started_at, finished_at ?? now);
  // Reading and writing differ in pace: what is written tells how fast it goes, and how long the rest of it takes.
  const secondsOfStage = isRunning && !isReading ? secondsFrom(row.staged_at, now) : seconds;
  const done = isReading ? staged : read;
  const left = isReading ? leftOf(seconds, progress) : leftOf(secondsOfStage, written);
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
    rowsPerSecond: secondsOfStage > 0 ? done / secondsOfStage : 0,
    remainingSeconds: isRunning ? left : 0,
    error: row.error,
    mapping: JSON.stringify(row.mapping),
    stage: isRunning ? (isReading ? ingestion.ImportStage.READING : ingestion.ImportStage.WRITING) : ingestion.ImportStage.UNSPECIFIED,
    progress: Math.min(progress, 1),
    rowsStaged: staged,
  } satisfies ingestion.Import;
}

function secondsFrom(from: string | null, to: string | number): number {
  return from === null ? 0 : (new Date(to).getTime() - Date.parse(from)) / 1000;
}

/** Seconds until the whole is done, by what a share of it took; 0: not known. */
function leftOf(seconds: number, share: number): number {
  return share > 0 ? (seconds * (1 - share)) / share : 0;
}

export function countsOf(rows: Readonly<Record<string, number>>): ingestion.RowCount[] {
  return Object.entries(rows)
    .map(([reason, count]) => ({ reason, rows: count }))
    .sort((a, b) => b.rows - a.rows);
}
