import { readPageOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { loadPresent } from '../graphql/loaders.js';
import { orNull, present } from '../graphql/present.js';

export const identityQueries = {
  blockedIds: async (_root, _args, { rpc }) => (await rpc.identity.listBlockedIds({})).ids,
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const identityMutations = {
  undoMerge: (_root, args, { rpc }) => {
    const id = localId('CustomerMerge', args.id);
    if (id === undefined) return notFound('MERGE_UNKNOWN', 'There is no such merge.');
    return expecting({ NOT_FOUND: 'NotFound', MERGE_UNDONE: 'MergeUndoneBefore' }, () => rpc.identity.undoMerge({ id }));
  },
  setBlockedId: (_root, { value, isBlocked }, { rpc }) =>
    expecting({ ID_INVALID: 'BlockedIdInvalid' }, async () => present((await rpc.identity.setBlockedId({ value, blocked: isBlocked ?? true })).id, 'blocked id')),
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

/** The fields of a customer that are told here. */
export const customerIdentity = {
  mergeHistory: ({ id }, args, { reads }, info) => readPageOf(id, args, reads.mergeHistory, info),
} satisfies Partial<ResolversOf<'Customer'>['Customer']>;

export const identityTypes: ResolversOf<'CustomerKey' | 'CustomerMerge' | 'MergeUndone' | 'BlockedId' | 'UndoMergeResult' | 'SetBlockedIdResult'> = {
  CustomerKey: {
    userId: ({ userId }) => orNull(userId),
    anonymousId: ({ anonymousId }) => orNull(anonymousId),
  },
  CustomerMerge: {
    id: ({ id }) => globalId('CustomerMerge', id),
    from: ({ from }) => present(from, 'from'),
    into: ({ into }) => present(into, 'into'),
    event: ({ event, intoCustomerId }) => event && { ...event, customerId: intoCustomerId },
    occurredAt: ({ occurredAt }) => present(occurredAt, 'occurredAt'),
    mergedAt: ({ mergedAt }) => present(mergedAt, 'mergedAt'),
    undoneBy: ({ undoneBy }) => orNull(undoneBy),
  },
  MergeUndone: {
    merge: ({ merge }) => present(merge, 'merge'),
    customers: ({ customerIds }, _args, { loaders }) => loadPresent(loaders.customer, customerIds),
  },
  BlockedId: {
    isBlocked: ({ blocked }) => blocked,
    isEverywhere: ({ everywhere }) => everywhere,
  },
  UndoMergeResult: outcomeOf('MergeUndone'),
  SetBlockedIdResult: outcomeOf('BlockedId'),
};
