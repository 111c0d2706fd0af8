import type { JobsOptions } from 'bullmq';

/** Queue of what people asked for. */
export const PERSON_QUEUE = 'person-requests';

/** Job name, verb and noun. */
export const PERSON_JOB = 'answer-person-request';

/** Ids only: the row in Postgres is the truth. */
export interface PersonPayload {
  workspaceId: string;
  requestId: string;
}

/** One request is one job, however often it is enqueued. */
export const personJobId = ({ requestId }: PersonPayload): string => requestId;

export const PERSON_OPTIONS = {
  attempts: 12,
  backoff: { type: 'exponential', delay: 250, jitter: 0.5 },
  removeOnComplete: true,
  removeOnFail: true,
} as const satisfies JobsOptions;

/** A process that was killed is noticed within some ten seconds. */
export const PERSON_LOCK = {
  lockDuration: 8_000,
  lockRenewTime: 2_000,
  stalledInterval: 2_000,
  maxStalledCount: 1_000_000,
} as const;
