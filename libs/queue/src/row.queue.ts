import type { OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';
import type { Logger } from 'pino';

import { openRedis, QUEUE_PREFIX } from './redis.js';
import { ROW_JOB_OPTIONS, type RowJobs } from './row.job.js';

/** Jobs of rows. Everything here may be lost at any moment: the reconciler makes it again from the rows. */
export class JobQueue<Payload extends object> implements OnApplicationShutdown {
  private readonly redis;
  private readonly queue: Queue;

  constructor(
    private readonly jobs: RowJobs<Payload>,
    redisUrl: string,
    log: Logger,
  ) {
    this.redis = openRedis(redisUrl, 'producer');
    this.queue = new Queue(jobs.queue, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.queue.on('error', (error) => log.debug({ err: error }, `the queue ${jobs.queue} is away`));
  }

  /** Adds nothing where the row has a job already. Rejects while Redis is away. */
  async enqueue(payload: Payload): Promise<void> {
    await this.queue.add(this.jobs.job, payload, { ...ROW_JOB_OPTIONS, jobId: this.jobs.rowOf(payload).id });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.redis.disconnect();
  }
}
