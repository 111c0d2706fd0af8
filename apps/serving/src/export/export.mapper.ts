import { exporting } from '#libs/contracts';

import { FORMER, toColumns } from './export.columns.js';
import type { ExportManifest } from './export.manifest.js';
import type { ExportRow, ExportState } from './export.repository.js';
import type { ScheduleRow } from './export.schedule.repository.js';
import { nextOf } from './export.schedule.time.js';
import type { FileFormat } from './member.file.js';

const STATE: Record<ExportState, exporting.ExportState> = {
  QUEUED: exporting.ExportState.QUEUED,
  RUNNING: exporting.ExportState.RUNNING,
  SUCCEEDED: exporting.ExportState.SUCCEEDED,
  FAILED: exporting.ExportState.FAILED,
  CANCELLED: exporting.ExportState.CANCELLED,
};
const FORMAT: Record<FileFormat, exporting.ExportFormat> = { CSV: exporting.ExportFormat.CSV, PARQUET: exporting.ExportFormat.PARQUET };

export function toExport(row: ExportRow): exporting.Export {
  return {
    id: row.id,
    segmentId: row.segmentId,
    format: FORMAT[row.format],
    columns: toColumns(row.columns),
    attributes: [...row.attributes],
    state: STATE[row.state],
    requestedBy: row.requestedBy,
    scheduleId: row.scheduleId ?? '',
    asOf: row.asOf?.toISOString(),
    createdAt: row.createdAt.toISOString(),
    startedAt: row.startedAt?.toISOString(),
    finishedAt: row.finishedAt?.toISOString(),
    membersDone: row.membersDone,
    membersTotal: row.membersTotal,
    error: row.error,
    artifact: row.artifact ?? '',
    manifest: row.manifest ? toManifest(row.manifest) : undefined,
  } satisfies exporting.Export;
}

function toManifest({ asOf, newestEventAt, read, model, versionAt, file, columns, members, leftOut, forgotten }: ExportManifest): exporting.ExportManifest {
  return {
    asOf,
    newestEventAt: newestEventAt ?? undefined,
    // As the world writes it in the manifest; services name models by their own ids.
    modelId: model === null ? '' : Buffer.from(model, 'base64url').toString().replace(/^Model:/, ''),
    placed: read?.placed,
    unseen: read?.unlikeAnythingSeen,
    versionAt,
    rows: file.rows,
    members,
    leftOutErased: leftOut.erased,
    leftOutSuppressed: leftOut.suppressed,
    forgotten,
    sha256: file.sha256,
    bytes: file.bytes,
    columns: (columns ?? FORMER).map(({ name, type }) => ({ name, type })),
  } satisfies exporting.ExportManifest;
}

export function toSchedule(row: ScheduleRow): exporting.ExportSchedule {
  return {
    id: row.id,
    segmentId: row.segmentId,
    format: FORMAT[row.format],
    columns: toColumns(row.columns),
    attributes: [...row.attributes],
    cron: row.cron,
    timeZone: row.timeZone,
    paused: row.isPaused,
    requestedBy: row.requestedBy,
    createdAt: row.createdAt.toISOString(),
    nextAt: row.isPaused ? undefined : nextOf(row).toISOString(),
  } satisfies exporting.ExportSchedule;
}

/** Undefined where none was named. */
export function formatOf(asked: exporting.ExportFormat): FileFormat | undefined {
  return (Object.keys(FORMAT) as FileFormat[]).find((format) => FORMAT[format] === asked);
}
