import type { JobsOptions } from 'bullmq';

/** Queue of the steps of training runs. */
export const RUN_QUEUE = 'runs';

/** The steps in order, by the state of the run that each one works in. */
export const RUN_STEPS = ['SNAPSHOTTING', 'TRAINING', 'DISCOVERING', 'EVALUATING', 'BACKFILLING'] as const;
export type RunStepName = (typeof RUN_STEPS)[number];

/** Job names, verb and noun. */
export const RUN_STEP_JOB = {
  SNAPSHOTTING: 'make-snapshot',
  TRAINING: 'train-encoder',
  DISCOVERING: 'discover-segments',
  EVALUATING: 'evaluate-model',
  BACKFILLING: 'backfill-customers',
} as const satisfies Record<RunStepName, string>;

/** Ids only: the row in Postgres is the truth, so a job that was lost with Redis loses nothing. */
export interface RunStepPayload {
  workspaceId: string;
  runId: string;
  state: RunStepName;
  /** Fencing token: a job whose run has a later one does nothing. */
  fence: number;
}

/** Deduplicates: enqueuing the same steps under the same token again adds nothing. */
export function runStepJobId({ runId, state, fence }: RunStepPayload): string {
  return `${runId}.${fence}.${state}`;
}

const LONGEST_WAIT_MS = 5_000;

/**
 * How long a failed attempt waits, in milliseconds. Attempts have no bound of their own: the processor
 * ends the run, in its row, when another attempt is pointless.
 */
export function runStepBackoff(attemptsMade: number): number {
  return Math.min(250 * 2 ** Math.min(attemptsMade - 1, 10), LONGEST_WAIT_MS);
}

export const RUN_STEP_OPTIONS = {
  attempts: 1_000_000,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: true,
} as const satisfies JobsOptions;

/**
 * A process that was killed is noticed within three seconds. The price is an event loop that must stay
 * free: a step awaits streams, it never computes.
 */
export const RUN_STEP_LOCK = {
  lockDuration: 2_000,
  lockRenewTime: 700,
  stalledInterval: 1_000,
  maxStalledCount: 1_000_000,
} as const;
