import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Worker } from 'bullmq';

import { openRedis, QUEUE_PREFIX, WEBHOOK_LOCK, WEBHOOK_QUEUE, type WebhookPayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { DeliveryRound } from './delivery.round.js';
import { WebhookQueue } from './webhook.queue.js';

/** Works on webhooks, many at once: what they do is wait for receivers. */
@Injectable()
export class WebhookProcessor implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private readonly redis;
  private readonly worker: Worker<WebhookPayload>;

  constructor(
    private readonly round: DeliveryRound,
    private readonly queue: WebhookQueue,
    @Inject(SERVICE) { config, log }: Context,
  ) {
    this.redis = openRedis(config.REDIS_URL, 'worker');
    this.worker = new Worker<WebhookPayload>(WEBHOOK_QUEUE, ({ data }) => this.process(data), {
      ...WEBHOOK_LOCK,
      connection: this.redis,
      prefix: QUEUE_PREFIX,
      concurrency: config.WEBHOOKS_AT_ONCE,
      autorun: false,
    });
    this.worker.on('error', (error) => log.debug({ err: error }, 'the queue of webhooks is away'));
    this.worker.on('failed', (_job, error) => log.warn({ err: error }, 'a webhook has to wait'));
  }

  onApplicationBootstrap(): void {
    void this.worker.run();
  }

  /** What is being sent is given up and stays due: another replica, or the next start, sends it. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.worker.close();
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  private async process(payload: WebhookPayload): Promise<void> {
    const hasMore = await this.round.run(payload.workspaceId, payload.webhookId, this.stopping.signal);
    if (hasMore && !this.stopping.signal.aborted) await this.queue.enqueue(payload);
  }
}
