import { rowsOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { invalidArgument } from '../graphql/error.js';
import { localId } from '../graphql/global-id.js';
import { loadPresent, segmentNow } from '../graphql/loaders.js';
import type { MembershipChange } from '../graphql/message.js';
import { present } from '../graphql/present.js';
import { follow } from '../subscription/follow.js';

export const membershipSubscriptions = {
  membershipChanged: {
    subscribe: (_root, args, context) => {
      const segmentId = args.segmentId ? localId('Segment', args.segmentId) : '';
      const customerId = args.customerId ? localId('Customer', args.customerId) : '';
      if (segmentId === undefined) throw invalidArgument('segmentId is the id of no segment.');
      if (customerId === undefined) throw invalidArgument('customerId is the id of no customer.');
      // Broken off, it goes on behind the last change that was passed on.
      return follow<MembershipChange>(context, async function* open(signal, last) {
        const request = { segmentId, customerId, after: last?.cursor ?? args.after ?? '' };
        for await (const { change } of context.rpc.memberships.watchMembershipChanges(request, { signal })) {
          if (change) yield change;
        }
      });
    },
    resolve: (change: MembershipChange) => change,
  },
} satisfies Partial<ResolversOf<'Subscription'>['Subscription']>;

export const membershipTypes: ResolversOf<'Membership' | 'MembershipExplanation' | 'MembershipChange'> = {
  Membership: {
    segment: async ({ segmentId }, _args, { loaders }) => present(await loaders.segment.load(segmentNow(segmentId)), 'the segment of a membership'),
    finer: ({ finerSegmentId }, _args, { loaders }) => (finerSegmentId === '' ? null : loaders.segment.load(segmentNow(finerSegmentId))),
    since: ({ since }) => present(since, 'since'),
    decidedAt: ({ decidedAt }) => present(decidedAt, 'decidedAt'),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    why: async ({ segmentId }, _args, { loaders }) => present(await loaders.segment.load(segmentNow(segmentId)), 'the segment of a membership'),
  },
  MembershipExplanation: {
    traits: ({ traits }, { first }) => traits.slice(0, rowsOf(first)),
    typicalCustomers: ({ typicalCustomerIds }, { first }, { loaders }) => loadPresent(loaders.customer, typicalCustomerIds.slice(0, rowsOf(first))),
  },
  MembershipChange: {
    customer: ({ customerId }, _args, { loaders }) => loaders.customer.load(customerId),
    from: ({ fromSegmentId }, _args, { loaders }) => (fromSegmentId === '' ? null : loaders.segment.load(segmentNow(fromSegmentId))),
    to: ({ toSegmentId }, _args, { loaders }) => (toSegmentId === '' ? null : loaders.segment.load(segmentNow(toSegmentId))),
    at: ({ at }) => present(at, 'at'),
    decidedAt: ({ decidedAt }) => present(decidedAt, 'decidedAt'),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    isByPromotion: ({ byPromotion }) => byPromotion,
  },
};
