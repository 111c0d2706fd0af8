import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { type Job, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';

import { openRedis, QUEUE_PREFIX } from './redis.js';

/** A process that was killed is noticed within some ten seconds. */
const LOCK = { lockDuration: 8_000, lockRenewTime: 2_000, stalledInterval: 2_000, maxStalledCount: 1_000_000 } as const;

/** Works on the jobs of a queue, over a connection of its own, from the application's start to its end. */
export abstract class JobWorker<Payload extends object> implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly redis: Redis;
  private readonly worker: Worker<Payload>;

  /** `onFailed` is told why a job has to be tried again. */
  constructor(name: string, redisUrl: string, log: Logger, { onFailed, ...options }: Omit<Partial<WorkerOptions>, 'connection'> & { onFailed?: (error: Error) => void } = {}) {
    this.redis = openRedis(redisUrl, 'worker');
    this.worker = new Worker<Payload>(name, (job, token) => this.process(job, token), { ...LOCK, ...options, connection: this.redis, prefix: QUEUE_PREFIX, autorun: false });
    this.worker.on('error', (error) => log.debug({ err: error }, `the queue ${name} is away`));
    if (onFailed) this.worker.on('failed', (_job, error) => onFailed(error));
  }

  /** `token` is that of BullMQ's lock. */
  protected abstract process(job: Job<Payload>, token: string | undefined): Promise<void>;

  /** The application is about to end: what is being worked on should be, too. */
  protected stop(): void {}

  onApplicationBootstrap(): void {
    void this.worker.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop();
    await this.worker.close();
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
