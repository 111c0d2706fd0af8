import { Inject, Injectable } from '@nestjs/common';
import type { Job } from 'bullmq';

import { JobWorker, WEBHOOK_QUEUE, type WebhookPayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { DeliveryRound } from './delivery.round.js';
import { WebhookQueue } from './webhook.queue.js';

/** Works on webhooks, many at once: what they do is wait for receivers. */
@Injectable()
export class WebhookProcessor extends JobWorker<WebhookPayload> {
  private readonly stopping = new AbortController();

  constructor(
    private readonly round: DeliveryRound,
    private readonly queue: WebhookQueue,
    @Inject(SERVICE) { config, log }: Context,
  ) {
    super(WEBHOOK_QUEUE, config.REDIS_URL, log, { concurrency: config.WEBHOOKS_AT_ONCE, onFailed: (error) => log.warn({ err: error }, 'a webhook has to wait') });
  }

  /** What is being sent is given up and stays due: another replica, or the next start, sends it. */
  protected override stop(): void {
    this.stopping.abort();
  }

  protected async process({ data: payload }: Job<WebhookPayload>): Promise<void> {
    const hasMore = await this.round.run(payload.workspaceId, payload.webhookId, this.stopping.signal);
    if (hasMore && !this.stopping.signal.aborted) await this.queue.enqueue(payload);
  }
}
