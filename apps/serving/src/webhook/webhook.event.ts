/** What a webhook can be told of, by the names of the events that are sent. */
export const WEBHOOK_EVENTS = ['Segment Entered', 'Segment Exited', 'Customer Unusual', 'Customer Usual Again'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What is told where nobody says what to tell. */
export const USUAL_EVENTS: readonly WebhookEvent[] = ['Segment Entered', 'Segment Exited'];

export function isWebhookEvent(name: string): name is WebhookEvent {
  return (WEBHOOK_EVENTS as readonly string[]).includes(name);
}
