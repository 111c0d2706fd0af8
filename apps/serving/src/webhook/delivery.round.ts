import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { DeliveryMaker } from './delivery.maker.js';
import { type Claim, DeliveryRepository, type Settlement, type Standing } from './delivery.repository.js';
import { SecretSeal } from './secret.seal.js';
import { deliveriesSettled } from './webhook.metrics.js';
import { WebhookRepository } from './webhook.repository.js';
import { type Answer, WebhookSender } from './webhook.sender.js';

const SENT_AT_ONCE = 16;
/** After that a job ends and the next one of its webhook waits its turn. */
const ROUND_MS = 10_000;
/** An attempt counts as lost with its process when it takes so much longer than it may. */
const CLAIM_MARGIN_MS = 5_000;
const LONGEST_WAIT_MS = 6 * 3_600_000;
const GONE = 410;

/** Brings one webhook up to date: has deliveries made of what lies behind its places in the feeds, and sends what is due. */
@Injectable()
export class DeliveryRound implements OnApplicationShutdown {
  private readonly sender: WebhookSender;

  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly maker: DeliveryMaker,
    private readonly seal: SecretSeal,
    @Inject(SERVICE) private readonly context: Context,
  ) {
    const { WEBHOOK_PRIVATE_TARGETS, WEBHOOK_TIMEOUT_MS } = context.config;
    this.sender = new WebhookSender(WEBHOOK_PRIVATE_TARGETS, WEBHOOK_TIMEOUT_MS);
  }

  onApplicationShutdown(): void {
    this.sender.close();
  }

  /** Answers true where it stopped with more to do. */
  async run(workspaceId: string, webhookId: string, signal: AbortSignal): Promise<boolean> {
    const end = Date.now() + ROUND_MS;
    while (!signal.aborted) {
      const standing = await this.deliveries.standing(workspaceId, webhookId);
      if (!standing) return false;
      const made = await this.maker.make(workspaceId, webhookId, standing);
      const sent = await this.send(workspaceId, webhookId, standing, signal);
      if (made + sent === 0) {
        await this.deliveries.forget(workspaceId, webhookId, this.context.config.WEBHOOK_LOG_DAYS);
        return false;
      }
      if (Date.now() > end) return true;
    }
    return true;
  }

  /** Answers how many attempts were made. */
  private async send(workspaceId: string, webhookId: string, { url, previous, ...sealed }: Standing, signal: AbortSignal): Promise<number> {
    // Before an attempt begins: one that cannot be signed is none.
    const secrets = [sealed, ...(previous ? [previous] : [])].map((one) => this.seal.open({ workspaceId, webhookId }, one));
    const claimed = await this.deliveries.claim(workspaceId, webhookId, SENT_AT_ONCE, this.context.config.WEBHOOK_TIMEOUT_MS + CLAIM_MARGIN_MS);
    if (claimed.length === 0) return 0;
    let isGone = false;
    const settlements = await Promise.all(
      claimed.map(async (claim) => {
        const answer = await this.sender.send(url, secrets, claim.id, claim.body, signal);
        isGone ||= 'status' in answer && answer.status === GONE;
        return this.settlementOf(claim, answer, signal.aborted);
      }),
    );
    await this.deliveries.settle(workspaceId, settlements);
    for (const { state } of settlements) deliveriesSettled.inc({ state: state === 'WAITING' ? 'failed' : state.toLowerCase() });
    if (isGone) {
      this.context.log.warn({ workspaceId, webhookId }, 'a receiver says that it is gone (410): its webhook is disabled');
      await this.webhooks.update(workspaceId, webhookId, { url: undefined, segmentIds: undefined, events: undefined, eventHead: undefined, isEnabled: false });
    }
    return claimed.length;
  }

  private settlementOf({ id, attempts, attemptsLeft }: Claim, answer: Answer, isStopping: boolean): Settlement {
    const seen = { id, attempts, status: 'status' in answer ? answer.status : null, refund: 0 as const };
    if ('status' in answer && answer.status >= 200 && answer.status < 300) return { ...seen, state: 'DELIVERED', error: null, waitMs: 0 };
    if ('error' in answer && isStopping) return { ...seen, state: 'WAITING', error: null, waitMs: 0, refund: 1 };
    const error = 'error' in answer ? answer.error.slice(0, 500) : `the receiver answered ${answer.status}`;
    if (attemptsLeft <= 0) return { ...seen, state: 'DEAD', error, waitMs: 0 };
    const backoff = this.backoff(this.context.config.WEBHOOK_ATTEMPTS - attemptsLeft);
    return { ...seen, state: 'WAITING', error, waitMs: Math.max(backoff, 'restMs' in answer ? Math.min(answer.restMs, LONGEST_WAIT_MS) : 0) };
  }

  /** Four times longer each time, with some chance in it, so that a receiver that comes back is not met by all at once. */
  private backoff(attempt: number): number {
    const exact = Math.min(this.context.config.WEBHOOK_BACKOFF_MS * 4 ** (attempt - 1), LONGEST_WAIT_MS);
    return exact * (0.8 + 0.4 * Math.random());
  }
}
