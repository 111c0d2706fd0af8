export { openRedis, QUEUE_PREFIX, type RedisUse } from './redis.js';
export { followHints, publishHint } from './hints.js';
export { ARCHIVE_JOB, ARCHIVE_LOCK, ARCHIVE_OPTIONS, ARCHIVE_QUEUE, archiveJobId, type ArchivePayload } from './archive.job.js';
export { IMPORT_JOB, IMPORT_LOCK, IMPORT_OPTIONS, IMPORT_QUEUE, importJobId, type ImportPayload } from './import.job.js';
export { PERSON_JOB, PERSON_LOCK, PERSON_OPTIONS, PERSON_QUEUE, personJobId, type PersonPayload } from './person.job.js';
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
export { WEBHOOK_JOB, WEBHOOK_LOCK, WEBHOOK_QUEUE, webhookJobOptions, type WebhookPayload } from './webhook.job.js';
