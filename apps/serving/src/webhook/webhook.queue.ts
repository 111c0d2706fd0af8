import { Inject, Injectable } from '@nestjs/common';

import { JobSender, WEBHOOK_JOB, WEBHOOK_QUEUE, webhookJobOptions, type WebhookPayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';

/** The jobs of webhooks. Everything here may be lost at any moment: the dispatcher makes it again from the rows. */
@Injectable()
export class WebhookQueue extends JobSender<WebhookPayload> {
  constructor(@Inject(SERVICE) { config, log }: Context) {
    super(WEBHOOK_QUEUE, config.REDIS_URL, log);
  }

  /** Adds nothing where the webhook has a job that has not begun. Rejects while Redis is away. */
  async enqueue(payload: WebhookPayload): Promise<void> {
    await this.queue.add(WEBHOOK_JOB, payload, webhookJobOptions(payload));
  }
}
