import { webhook } from '#libs/contracts';

import type { DeliveryRow, DeliveryState } from './delivery.repository.js';
import type { WebhookRow } from './webhook.repository.js';

const STATE: Record<DeliveryState, webhook.WebhookDeliveryState> = {
  WAITING: webhook.WebhookDeliveryState.WAITING,
  DELIVERED: webhook.WebhookDeliveryState.DELIVERED,
  DEAD: webhook.WebhookDeliveryState.DEAD,
};

export function toWebhook(row: WebhookRow): webhook.Webhook {
  return {
    id: row.id,
    url: row.url,
    segmentIds: row.segmentIds ?? [],
    events: row.events,
    enabled: row.isEnabled,
    createdAt: row.createdAt.toISOString(),
    waitingDeliveries: row.waiting,
    deadDeliveries: row.dead,
    previousSecretUntil: row.previousSecretUntil?.toISOString(),
  } satisfies webhook.Webhook;
}

export function toDelivery(row: DeliveryRow): webhook.WebhookDelivery {
  return {
    id: row.id,
    webhookId: row.webhookId,
    event: row.event,
    customerId: row.customerId,
    segmentId: row.segmentId ?? '',
    state: STATE[row.state],
    attempts: row.attempts,
    createdAt: row.createdAt.toISOString(),
    lastAttemptAt: row.lastAttemptAt?.toISOString(),
    nextAttemptAt: row.state === 'WAITING' ? row.nextAttemptAt.toISOString() : undefined,
    settledAt: row.settledAt?.toISOString(),
    responseStatus: row.responseStatus ?? 0,
    error: row.error ?? '',
    body: row.body,
  } satisfies webhook.WebhookDelivery;
}

/** Null: in any state. */
export function stateFilter(asked: webhook.WebhookDeliveryState): DeliveryState | null {
  return (Object.keys(STATE) as DeliveryState[]).find((state) => STATE[state] === asked) ?? null;
}
