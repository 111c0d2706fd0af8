import { serving } from '#libs/contracts';

import { conditionJson } from '../definition/condition.js';
import { rowsOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { customerOfChange, found, loadPresent, segmentNow } from '../graphql/loaders.js';
import { BehaviourChangeKind, type MembershipChange } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import type { Json } from '../graphql/scalar.js';
import { followFeed } from '../subscription/follow.js';
import { watchedCustomer, watchedSegment } from '../subscription/watched.js';

export const membershipSubscriptions = {
  membershipChanged: {
    subscribe: async (_root, args, context) => {
      const [segmentId, customerId] = await Promise.all([watchedSegment(args.segmentId, context), watchedCustomer(args.customerId, context)]);
      return followFeed<MembershipChange>(context, args.after, async function* open({ memberships }, after, signal) {
        const told = memberships.watchMembershipChanges({ segmentId, customerId, after }, { signal });
        for await (const { change, beginsAfter } of told) yield { value: change, beginsAfter };
      });
    },
    resolve: (change: MembershipChange) => change,
  },
} satisfies Partial<ResolversOf<'Subscription'>['Subscription']>;

export const membershipTypes: ResolversOf<
  'ConditionFinding' | 'ExampleCloseness' | 'Membership' | 'MembershipExplanation' | 'MembershipEvidence' | 'EventContribution' | 'ContributionCheck' | 'FittingTrait' | 'BehaviourChange' | 'MembershipChange'
> = {
  Membership: {
    segment: async ({ segmentId, told }, _args, { loaders }) => told?.get(segmentId) ?? present(await loaders.segment.load(segmentNow(segmentId)), 'the segment of a membership'),
    finer: ({ finerSegmentId, told }, _args, { loaders }) => (finerSegmentId === '' ? null : (told?.get(finerSegmentId) ?? loaders.segment.load(segmentNow(finerSegmentId)))),
    since: ({ since }) => present(since, 'since'),
    decidedAt: ({ decidedAt }) => present(decidedAt, 'decidedAt'),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    why: async (membership, _args, { loaders }) => ({ membership, segment: present(await loaders.segment.load(segmentNow(membership.segmentId)), 'the segment of a membership') }),
  },
  MembershipExplanation: {
    traits: ({ segment: { traits } }, { first }) => traits.slice(0, rowsOf(first)),
    typicalCustomers: ({ segment: { typicalCustomerIds } }, { first }, { loaders }) => loadPresent(loaders.customer, typicalCustomerIds.slice(0, rowsOf(first))),
    evidence: async ({ membership: { customerId, segmentId, modelId, past }, segment }, _args, { rpc }) => {
      // One that ended a moment ago has nothing that speaks for it any more.
      const evidence = modelId === '' ? undefined : await found(rpc.explanations.explainMembership({ customerId, segmentId, asOf: past }));
      return evidence && { ...evidence, segment };
    },
    conditions: async ({ membership: { customerId, segmentId, past }, segment: { kind } }, _args, { rpc }) => {
      if (kind !== serving.SegmentKind.RULE || past !== undefined) return null;
      const findings = (await found(rpc.definitions.findConditions({ segmentId, customerId })))?.findings ?? [];
      return findings.length === 0 ? null : findings;
    },
    closeness: async ({ membership: { customerId, segmentId, past }, segment: { kind } }, _args, { rpc }) => {
      if (kind !== serving.SegmentKind.EXAMPLE || past !== undefined) return null;
      const measured = await found(rpc.regions.findCloseness({ segmentId, customerId }));
      return measured?.closeness === undefined ? null : { ...measured, closeness: measured.closeness };
    },
  },
  MembershipEvidence: {
    readAt: ({ readAt }) => present(readAt, 'readAt'),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
    changesTriedTimes: ({ mostTimes }) => mostTimes,
    changesTriedDays: ({ mostDays }) => mostDays,
    events: ({ events }, { first }) => events.slice(0, rowsOf(first)),
    traits: ({ traits, segment }) => traits.flatMap((fitting) => segment.traits.filter(({ key }) => key === fitting.key).map((trait) => ({ ...fitting, trait }))),
    typicalCustomers: async ({ typical }, { first }, { loaders }) => {
      const there = await Promise.all(typical.map(({ customerId }) => loaders.customer.load(customerId)));
      return typical.filter((_, index) => there[index] !== undefined).slice(0, rowsOf(first));
    },
  },
  ExampleCloseness: {
    examples: async ({ examples }, _args, { loaders }) => {
      const there = await Promise.all(examples.map(({ customerId }) => loaders.customer.load(customerId)));
      return examples.filter((_, index) => there[index] !== undefined);
    },
  },
  ConditionFinding: {
    condition: ({ condition }) => conditionJson(present(condition, 'condition')),
    times: ({ times }) => times ?? null,
    sum: ({ sum }) => sum ?? null,
    countsUntil: ({ countsUntil }) => countsUntil ?? null,
    value: ({ value }) => (value === '' ? null : (JSON.parse(value) as Json)),
    asOf: ({ asOf }) => present(asOf, 'asOf'),
  },
  EventContribution: {
    event: ({ event }) => orNull(event),
    firstAt: ({ firstAt }) => present(firstAt, 'firstAt'),
    lastAt: ({ lastAt }) => present(lastAt, 'lastAt'),
    eventCount: ({ events }) => events,
    isExact: () => true,
  },
  ContributionCheck: {},
  FittingTrait: { isExact: ({ isEstimate }) => !isEstimate },
  BehaviourChange: {
    event: ({ event }) => orNull(event),
    thenEvent: ({ thenEvent }) => orNull(thenEvent),
    times: ({ kind, times }) => (kind === BehaviourChangeKind.DO ? times : null),
    days: ({ kind, days }) => (kind === BehaviourChangeKind.WAIT ? days : null),
    segment: ({ segmentId }, _args, { loaders }) => (segmentId === '' ? null : loaders.segment.load(segmentNow(segmentId))),
    isExact: () => false,
  },
  MembershipChange: {
    customer: customerOfChange,
    from: ({ fromSegmentId }, _args, { loaders }) => (fromSegmentId === '' ? null : loaders.segment.load(segmentNow(fromSegmentId))),
    to: ({ toSegmentId }, _args, { loaders }) => (toSegmentId === '' ? null : loaders.segment.load(segmentNow(toSegmentId))),
    at: ({ at }) => present(at, 'at'),
    decidedAt: ({ decidedAt }) => present(decidedAt, 'decidedAt'),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    isByPromotion: ({ byPromotion }) => byPromotion,
  },
};
