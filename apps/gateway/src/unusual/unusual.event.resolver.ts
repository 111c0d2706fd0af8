import type { ResolversOf } from '../graphql/complete.js';
import { globalId } from '../graphql/global-id.js';
import type { EventType, UnusualEvent } from '../graphql/message.js';
import { present } from '../graphql/present.js';
import { followFeed } from '../subscription/follow.js';
import { inWords } from './novelty.words.js';

export const unusualEventSubscriptions = {
  eventUnusual: {
    subscribe: (_root, { after }, context) =>
      followFeed<UnusualEvent>(context, after, async function* open({ unusualEvents }, place, signal) {
        for await (const { event, beginsAfter } of unusualEvents.watchUnusualEvents({ after: place }, { signal })) yield { value: event, beginsAfter };
      }),
    resolve: (event: UnusualEvent) => event,
  },
} satisfies Partial<ResolversOf<'Subscription'>['Subscription']>;

export const unusualEventTypes: ResolversOf<'UnusualEvent'> = {
  UnusualEvent: {
    eventId: ({ eventId }) => globalId('Event', eventId),
    type: ({ type }) => type as EventType,
    occurredAt: ({ occurredAt }) => present(occurredAt, 'occurredAt'),
    customer: ({ customerId }, _args, { loaders }) => loaders.customer.load(customerId),
    inWords: ({ novelty, threshold }) => inWords(novelty, threshold, 'events'),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
  },
};
