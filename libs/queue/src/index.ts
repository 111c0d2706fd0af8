export { openRedis, QUEUE_PREFIX, type RedisUse } from './redis.js';
export { EXPORT_SCHEDULE_QUEUE, START_EXPORT_JOB, type SchedulePayload } from './export-schedule.job.js';
export { followHints, publishHint } from './hints.js';
export {
  ARCHIVE_JOBS, EXPORT_JOBS, type ExportPayload, HEAD_JOBS, type HeadPayload, IMPORT_JOBS, type ImportPayload, PERSON_JOBS, type RequestPayload, ROW_JOB_OPTIONS, type RowJobs,
} from './row.job.js';
export { JobSender } from './job.sender.js';
export { JobWorker } from './job.worker.js';
export { type Attempt, isEnded, StaleAttempt } from './row.attempt.js';
export { JobProcessor, type JobRow, type RowWork } from './row.processor.js';
export { JobQueue } from './row.queue.js';
export { JobReconciler, type OpenJobs } from './row.reconciler.js';
export { Rounds } from './rounds.js';
export {
  RUN_QUEUE,
  RUN_STEP_JOB,
  RUN_STEP_LOCK,
  RUN_STEP_OPTIONS,
  RUN_STEPS,
  runStepBackoff,
  runStepJobId,
  type RunStepName,
  type RunStepPayload,
} from './run-step.job.js';
export { WEBHOOK_JOB, WEBHOOK_QUEUE, webhookJobOptions, type WebhookPayload } from './webhook.job.js';
