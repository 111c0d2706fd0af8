import type { unusual } from '#libs/contracts';

import { countedByModel } from '../counting/count.resolver.js';
import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { expecting, outcomeOf } from '../graphql/expected.js';
import { customerOfChange } from '../graphql/loaders.js';
import { type NoveltyReach, UnusualCause, type UnusualChange } from '../graphql/message.js';
import { present } from '../graphql/present.js';
import { followFeed } from '../subscription/follow.js';
import { watchedCustomer } from '../subscription/watched.js';
import { inWords, oneIn } from './novelty.words.js';

export const unusualQueries = {
  unusualCustomers: async (_root, args, { rpc }) => {
    let modelId = '';
    const connection = await readConnection(args, async (page) => {
      const answer = await rpc.unusual.listUnusualCustomers({ page });
      modelId = answer.modelId;
      return { rows: answer.customers, pageInfo: answer.pageInfo };
    });
    return { ...connection, basis: countedByModel({ modelId, asOf: undefined }) };
  },
  noveltyThresholds: (_root, _args, { rpc }) => rpc.unusual.getNoveltyThresholds({}),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const unusualMutations = {
  setNoveltyThreshold: (_root, { input }, { rpc }) =>
    expecting({ THRESHOLD_INVALID: 'NoveltyThresholdInvalid', NOT_MEASURED: 'NoveltyThresholdInvalid' }, async () => {
      const { thresholds } = await rpc.unusual.setNoveltyThreshold({ quantile: input.quantile ?? undefined, threshold: input.threshold ?? undefined });
      return present(thresholds, 'thresholds');
    }),
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const unusualSubscriptions = {
  customerUnusual: {
    subscribe: async (_root, args, context) => {
      const customerId = await watchedCustomer(args.customerId, context);
      return followFeed<UnusualChange>(context, args.after, async function* open(rpc, after, signal) {
        const told = rpc.unusual.watchUnusualCustomers({ customerId, after }, { signal });
        for await (const { change, beginsAfter } of told) yield { value: change, beginsAfter };
      });
    },
    resolve: (change: UnusualChange) => change,
  },
} satisfies Partial<ResolversOf<'Subscription'>['Subscription']>;

/** Beside the plain figure. */
export const customerUnusual: Pick<ResolversOf<'Customer'>['Customer'], 'unusual'> = {
  unusual: async ({ id }, _args, { loaders }) => {
    const held = await loaders.customerNovelty.load(id);
    if (held?.novelty === undefined) return null;
    return { ...told(held.novelty, held.threshold, 'customers'), isUnusual: held.threshold && held.since !== undefined, since: held.since };
  },
};

export const eventUnusual: Pick<ResolversOf<'Event'>['Event'], 'unusual'> = {
  unusual: async ({ customerId, id }, _args, { loaders }) => {
    const [value, { events }] = await Promise.all([loaders.eventNovelty.load({ customerId, eventId: id }), loaders.noveltyThresholds.load('now')]);
    return value === undefined ? null : { ...told(value, events, 'events'), isUnusual: events && value >= events.threshold, since: null };
  },
};

export const modelNovelty: Pick<ResolversOf<'Model'>['Model'], 'ordinaryNovelty' | 'ordinaryEventNovelty'> = {
  ordinaryNovelty: ({ ordinaryNovelty }) => ordinaryNovelty?.customers,
  ordinaryEventNovelty: ({ ordinaryNovelty }) => ordinaryNovelty?.events,
};

export const unusualTypes: ResolversOf<
  'NoveltyReach' | 'NoveltyThresholds' | 'NoveltyThreshold' | 'UnusualCustomer' | 'UnusualChange' | 'SetNoveltyThresholdResult' | 'NoveltyThresholdInvalid'
> = {
  NoveltyReach: {
    threshold: (reach) => present(pointsOf(reach).find(({ quantile }) => quantile === reach.usual)?.novelty, 'what is usual'),
    quantile: ({ usual }) => usual,
    points: pointsOf,
  },
  NoveltyThresholds: {
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
  },
  NoveltyThreshold: { isOverridden: ({ overridden }) => overridden },
  UnusualCustomer: {
    customer: ({ customerId }, _args, { loaders }) => loaders.customer.load(customerId),
    since: ({ since }) => present(since, 'since'),
    isTold: ({ told: isTold }) => isTold,
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
  },
  UnusualChange: {
    customer: customerOfChange,
    at: ({ at }) => present(at, 'at'),
    decidedAt: ({ decidedAt }) => present(decidedAt, 'decidedAt'),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
    cause: ({ cause }) => (cause === UnusualCause.UNSPECIFIED ? UnusualCause.READING : cause),
  },
  SetNoveltyThresholdResult: outcomeOf('NoveltyThresholds'),
  NoveltyThresholdInvalid: { field: ({ facts }) => facts['field'] },
};

function told(value: number, threshold: unusual.NoveltyThreshold | undefined, ones: 'customers' | 'events') {
  return { value, oneIn: oneIn(value), inWords: inWords(value, threshold?.threshold, ones), threshold: threshold?.threshold, quantile: threshold?.quantile };
}

function pointsOf({ quantiles, novelty }: NoveltyReach): { quantile: number; novelty: number }[] {
  return quantiles.map((quantile, at) => ({ quantile, novelty: present(novelty[at], 'a novelty') }));
}
