/** What a webhook can be told of, by the names of the events that are sent. */
export const WEBHOOK_EVENTS = ['Segment Entered', 'Segment Exited', 'Customer Unusual', 'Customer Usual Again', 'Event Unusual'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Of what lies in the feed of events, and is judged when it is told of; all else of what serving has noted down. */
export const EVENT_ALERT: WebhookEvent = 'Event Unusual';

/** What is told where nobody says what to tell. */
export const USUAL_EVENTS: readonly WebhookEvent[] = ['Segment Entered', 'Segment Exited'];

export function isWebhookEvent(name: string): name is WebhookEvent {
  return (WEBHOOK_EVENTS as readonly string[]).includes(name);
}
