import { eventUnusual } from '../unusual/unusual.resolver.js';
import { eventForesight } from '../foresight/foresight.resolver.js';
import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { invalidArgument } from '../graphql/error.js';
import { globalId } from '../graphql/global-id.js';
import { found } from '../graphql/loaders.js';
import { EventType, RejectedEventState, RejectedEventUnit } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import { parseJson } from '../graphql/scalar.js';
import { isAsked } from '../graphql/selection.js';
import { toSegmentCalls } from './event.mapper.js';

/** Events in one call. */
const MOST_EVENTS = 500;

export const eventQueries = {
  eventReceipt: async (_root, { messageId }, { rpc }) => (await found(rpc.events.getEventReceipt({ messageId })))?.receipt,
  eventLedger: (_root, { from, to }, { rpc }) => rpc.events.getEventLedger({ from: from ?? undefined, to: to ?? undefined }),
  rejectedEvents: (_root, { reason, source, state, ...paging }, { rpc }) =>
    readConnection(paging, async (page) => {
      const { events, pageInfo } = await rpc.events.listRejectedEvents({ page, reason: reason ?? '', source: source ?? '', state: state ?? RejectedEventState.UNSPECIFIED });
      return { rows: events, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const eventMutations = {
  trackEvents: async (_root, { input: { events, sentAt } }, { rpc }, info) => {
    if (events.length > MOST_EVENTS) throw invalidArgument(`A call takes at most ${MOST_EVENTS} events; ${events.length} were given.`);
    return rpc.events.trackEventBatch({ events: toSegmentCalls(events), sentAt: sentAt ?? undefined, withResults: isAsked(info, 'results') });
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const eventTypes: ResolversOf<'Event' | 'EventResult' | 'EventReceipt' | 'EventLedger' | 'RejectedEvent'> = {
  Event: {
    ...eventForesight,
    ...eventUnusual,
    id: ({ id }) => globalId('Event', id),
    type: ({ type }) => type as EventType,
    occurredAt: ({ occurredAt }) => present(occurredAt, 'occurredAt'),
    receivedAt: ({ receivedAt }) => present(receivedAt, 'receivedAt'),
    properties: ({ properties }) => parseJson(properties),
  },
  EventResult: {
    reason: ({ reason }) => orNull(reason),
    detail: ({ detail }) => orNull(detail),
  },
  EventReceipt: {
    receivedAt: ({ receivedAt }) => present(receivedAt, 'receivedAt'),
    isTimeClamped: ({ timeClamped }) => timeClamped,
    eventId: ({ eventId }) => (eventId === '' ? null : globalId('Event', eventId)),
    customer: ({ customerId }, _args, { loaders }) => (customerId === '' ? null : loaders.customer.load(customerId)),
    reason: ({ reason }) => orNull(reason),
    detail: ({ detail }) => orNull(detail),
  },
  EventLedger: {
    asOf: ({ asOf }) => present(asOf, 'asOf'),
  },
  RejectedEvent: {
    id: ({ id }) => globalId('RejectedEvent', id),
    receivedAt: ({ receivedAt }) => present(receivedAt, 'receivedAt'),
    messageId: ({ messageId }) => orNull(messageId),
    state: ({ state }) => (state === RejectedEventState.UNSPECIFIED ? RejectedEventState.OPEN : state),
    unit: ({ unit }) => (unit === RejectedEventUnit.UNSPECIFIED ? RejectedEventUnit.EVENT : unit),
    mendedPayload: ({ mendedPayload }) => orNull(mendedPayload),
    resolvedBy: ({ resolvedBy }) => orNull(resolvedBy),
    note: ({ note }) => orNull(note),
  },
};
