import type { OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';

import { openRedis, QUEUE_PREFIX } from './redis.js';

/** Sends jobs to a queue over a connection of its own, which fails fast and goes with the application. */
export abstract class JobSender<Payload extends object> implements OnApplicationShutdown {
  protected readonly redis: Redis;
  protected readonly queue: Queue<Payload>;

  constructor(name: string, redisUrl: string, log: Logger) {
    this.redis = openRedis(redisUrl, 'producer');
    this.queue = new Queue<Payload>(name, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.queue.on('error', (error) => log.debug({ err: error }, `the queue ${name} is away`));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.redis.disconnect();
  }
}
