import { RpcError, status } from '#libs/grpc';

import type { ResolversOf } from '../graphql/complete.js';

const MOST_MS = 5_000;

/** A service says first of all where its feed begins; that is all that is asked of it here. */
type Open = (signal: AbortSignal) => AsyncIterable<{ readonly beginsAfter: string }>;

export const feedQueries = {
  feedCursors: () => ({}),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const feedTypes: ResolversOf<'FeedCursors'> = {
  FeedCursors: {
    membershipChanged: (_feeds, _args, { rpc }) => placeOf((signal) => rpc.memberships.watchMembershipChanges({ segmentId: '', customerId: '', after: '' }, { signal })),
    customerUnusual: (_feeds, _args, { rpc }) => placeOf((signal) => rpc.unusual.watchUnusualCustomers({ customerId: '', after: '' }, { signal })),
    eventUnusual: (_feeds, _args, { rpc }) => placeOf((signal) => rpc.unusualEvents.watchUnusualEvents({ after: '' }, { signal })),
  },
};

async function placeOf(open: Open): Promise<string> {
  const enough = new AbortController();
  try {
    for await (const { beginsAfter } of open(AbortSignal.any([enough.signal, AbortSignal.timeout(MOST_MS)]))) return beginsAfter;
    throw new RpcError(status.UNAVAILABLE, 'The feed did not say where it is.', { reason: 'UNAVAILABLE' });
  } finally {
    enough.abort();
  }
}
