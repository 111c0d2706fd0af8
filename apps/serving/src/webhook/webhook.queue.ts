import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';

import { openRedis, QUEUE_PREFIX, WEBHOOK_JOB, WEBHOOK_QUEUE, webhookJobOptions, type WebhookPayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';

/** The jobs of webhooks. Everything here may be lost at any moment: the dispatcher makes it again from the rows. */
@Injectable()
export class WebhookQueue implements OnApplicationShutdown {
  private readonly redis;
  private readonly queue: Queue<WebhookPayload>;

  constructor(@Inject(SERVICE) { config, log }: Context) {
    this.redis = openRedis(config.REDIS_URL, 'producer');
    this.queue = new Queue<WebhookPayload>(WEBHOOK_QUEUE, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.queue.on('error', (error) => log.debug({ err: error }, 'the queue of webhooks is away'));
  }

  /** Adds nothing where the webhook has a job that has not begun. Rejects while Redis is away. */
  async enqueue(payload: WebhookPayload): Promise<void> {
    await this.queue.add(WEBHOOK_JOB, payload, webhookJobOptions(payload));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.redis.disconnect();
  }
}
