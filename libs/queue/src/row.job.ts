import type { JobsOptions } from 'bullmq';

/**
 * Jobs that each work off one row: the row in Postgres is the truth, a payload holds ids only, and one row is one
 * job, however often it is enqueued.
 */
export interface RowJobs<Payload> {
  readonly queue: string;
  /** Job name, verb and noun. */
  readonly job: string;
  rowOf(payload: Payload): { readonly workspaceId: string; readonly id: string };
}

export interface ImportPayload {
  workspaceId: string;
  importId: string;
}

export interface HeadPayload {
  workspaceId: string;
  headId: string;
}

/** Of a person's request, or of one to archive or replay. */
export interface RequestPayload {
  workspaceId: string;
  requestId: string;
}

export interface ExportPayload {
  workspaceId: string;
  exportId: string;
}

const requestOf = ({ workspaceId, requestId }: RequestPayload) => ({ workspaceId, id: requestId });

/** Files to import. */
export const IMPORT_JOBS: RowJobs<ImportPayload> = { queue: 'imports', job: 'import-file', rowOf: ({ workspaceId, importId }) => ({ workspaceId, id: importId }) };
/** What people asked for. */
export const PERSON_JOBS: RowJobs<RequestPayload> = { queue: 'person-requests', job: 'answer-person-request', rowOf: requestOf };
/** Archiving and replays. */
export const ARCHIVE_JOBS: RowJobs<RequestPayload> = { queue: 'archive-requests', job: 'work-archive-request', rowOf: requestOf };
/** Members of segments to files. */
export const EXPORT_JOBS: RowJobs<ExportPayload> = { queue: 'exports', job: 'export-segment', rowOf: ({ workspaceId, exportId }) => ({ workspaceId, id: exportId }) };
/** Heads to learn from labels. */
export const HEAD_JOBS: RowJobs<HeadPayload> = { queue: 'heads', job: 'train-head', rowOf: ({ workspaceId, headId }) => ({ workspaceId, id: headId }) };

export const ROW_JOB_OPTIONS = {
  attempts: 12,
  backoff: { type: 'exponential', delay: 250, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} as const satisfies JobsOptions;
