import type { Logger } from 'pino';

import { JobSender } from './job.sender.js';
import { ROW_JOB_OPTIONS, type RowJobs } from './row.job.js';

/** Jobs of rows. Everything here may be lost at any moment: the reconciler makes it again from the rows. */
export class JobQueue<Payload extends object> extends JobSender<object> {
  constructor(
    private readonly jobs: RowJobs<Payload>,
    redisUrl: string,
    log: Logger,
  ) {
    super(jobs.queue, redisUrl, log);
  }

  /** Adds nothing where the row has a job already. Rejects while Redis is away. */
  async enqueue(payload: Payload): Promise<void> {
    await this.queue.add(this.jobs.job, payload, { ...ROW_JOB_OPTIONS, jobId: this.jobs.rowOf(payload).id });
  }
}
