import type { JobsOptions } from 'bullmq';

/** Queue of webhooks that have something to send. */
export const WEBHOOK_QUEUE = 'webhooks';

/** Job name, verb and noun. */
export const WEBHOOK_JOB = 'deliver-changes';

/** Ids only: what is to be sent, and when, are rows in Postgres. */
export interface WebhookPayload {
  workspaceId: string;
  webhookId: string;
}

/**
 * One job a webhook, not one a delivery: a receiver that is slow or dead holds up its own job and no other.
 * Asked for while the job is being worked on, another follows it, for what it may not have seen any more.
 */
export const webhookJobOptions = ({ webhookId }: WebhookPayload) =>
  ({ deduplication: { id: webhookId, keepLastIfActive: true }, removeOnComplete: true, removeOnFail: true }) satisfies JobsOptions;
