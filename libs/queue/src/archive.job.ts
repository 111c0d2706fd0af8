import type { JobsOptions } from 'bullmq';

/** Queue of archiving and replays. */
export const ARCHIVE_QUEUE = 'archive-requests';

/** Job name, verb and noun. */
export const ARCHIVE_JOB = 'work-archive-request';

/** Ids only: the row in Postgres is the truth. */
export interface ArchivePayload {
  workspaceId: string;
  requestId: string;
}

/** One request is one job, however often it is enqueued. */
export const archiveJobId = ({ requestId }: ArchivePayload): string => requestId;

export const ARCHIVE_OPTIONS = {
  attempts: 12,
  backoff: { type: 'exponential', delay: 250, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} as const satisfies JobsOptions;

/** A process that was killed is noticed within some ten seconds. */
export const ARCHIVE_LOCK = {
  lockDuration: 8_000,
  lockRenewTime: 2_000,
  stalledInterval: 2_000,
  maxStalledCount: 1_000_000,
} as const;
