import type { WebhookEvent, WebhookRowFragment } from '../gen/graphql';

/** What a webhook can be made to tell of. */
export const TELLINGS = {
  segments: { label: 'customers entering and leaving segments', events: ['SEGMENT_ENTERED', 'SEGMENT_EXITED'] },
  unusual: { label: 'customers becoming unusual, and usual again', events: ['CUSTOMER_UNUSUAL', 'CUSTOMER_USUAL_AGAIN'] },
  both: { label: 'both', events: ['SEGMENT_ENTERED', 'SEGMENT_EXITED', 'CUSTOMER_UNUSUAL', 'CUSTOMER_USUAL_AGAIN'] },
  events: { label: 'events that are unusual', events: ['EVENT_UNUSUAL'] },
} as const satisfies Record<string, { label: string; events: readonly WebhookEvent[] }>;
export type Telling = keyof typeof TELLINGS;

/** Whether it matters which segments it tells of. */
export function isOfSegments(telling: Telling): boolean {
  return TELLINGS[telling].events.some((event) => event === 'SEGMENT_ENTERED' || event === 'SEGMENT_EXITED');
}

/** "all segments, unusual customers, unusual events" */
export function toldOf({ events, segments }: Pick<WebhookRowFragment, 'events' | 'segments'>): string {
  const told = (event: WebhookEvent) => events.includes(event);
  const [enters, exits] = [told('SEGMENT_ENTERED'), told('SEGMENT_EXITED')];
  const which = segments === null ? 'all segments' : segments.map(({ name }) => name).join(', ');
  const how = enters && exits ? which : `${which} (${enters ? 'entered' : 'left'})`;
  const isOfUnusual = told('CUSTOMER_UNUSUAL') || told('CUSTOMER_USUAL_AGAIN');
  return [...(enters || exits ? [how] : []), ...(isOfUnusual ? ['unusual customers'] : []), ...(told('EVENT_UNUSUAL') ? ['unusual events'] : [])].join(', ');
}
