import type { JobsOptions } from 'bullmq';

/** Queue of files to import. */
export const IMPORT_QUEUE = 'imports';

/** Job name, verb and noun. */
export const IMPORT_JOB = 'import-file';

/** Ids only: the row in Postgres is the truth. */
export interface ImportPayload {
  workspaceId: string;
  importId: string;
}

/** One import is one job, however often it is enqueued. */
export const importJobId = ({ importId }: ImportPayload): string => importId;

export const IMPORT_OPTIONS = {
  attempts: 12,
  backoff: { type: 'exponential', delay: 250, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} as const satisfies JobsOptions;

/** A process that was killed is noticed within some ten seconds. */
export const IMPORT_LOCK = {
  lockDuration: 8_000,
  lockRenewTime: 2_000,
  stalledInterval: 2_000,
  maxStalledCount: 1_000_000,
} as const;
