import type { OnApplicationShutdown } from '@nestjs/common';
import { type JobsOptions, Queue } from 'bullmq';
import type { Logger } from 'pino';

import { openRedis, QUEUE_PREFIX } from '#libs/queue';

export interface QueuedJobs<Payload> {
  readonly queue: string;
  /** Verb and noun. */
  readonly job: string;
  readonly options: JobsOptions;
  /** One job for one thing, however often it is enqueued. */
  idOf(payload: Payload): string;
}

/** Jobs of rows. Everything here may be lost at any moment: the reconciler makes it again from the rows. */
export class JobQueue<Payload extends object> implements OnApplicationShutdown {
  private readonly redis;
  private readonly queue: Queue;

  constructor(
    private readonly jobs: QueuedJobs<Payload>,
    redisUrl: string,
    log: Logger,
  ) {
    this.redis = openRedis(redisUrl, 'producer');
    this.queue = new Queue(jobs.queue, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.queue.on('error', (error) => log.debug({ err: error }, `the queue ${jobs.queue} is away`));
  }

  /** Adds nothing where there is a job already. Rejects while Redis is away. */
  async enqueue(payload: Payload): Promise<void> {
    await this.queue.add(this.jobs.job, payload, { ...this.jobs.options, jobId: this.jobs.idOf(payload) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.redis.disconnect();
  }
}
