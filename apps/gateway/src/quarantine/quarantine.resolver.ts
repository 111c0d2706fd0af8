import type { RejectedEventSelection } from '../gen/resolvers.js';
import { countedAt } from '../counting/count.resolver.js';
import type { ResolversOf } from '../graphql/complete.js';
import { rowsOf } from '../graphql/connection.js';
import { expecting, ExpectedFailure, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { found } from '../graphql/loaders.js';
import { RejectedEventState, ReplayOutcome, type ReplayResult } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';
import { jsonText } from '../graphql/scalar.js';

/** Replaying is as much work as taking in, and rows are read from their file. */
const PATIENTLY = { deadline: 60_000 };
/** Before the import's own id, in the source of what came from a file. */
const FROM_IMPORT = 'import:';

export const quarantineQueries = {
  rejectedEventGroups: async (root, { state, first }, { rpc, askedAt }) => {
    const rows = rowsOf(first);
    const { groups, totalCount } = await rpc.quarantine.listRejectedEventGroups({ state, first: Math.max(rows, 1) });
    return { nodes: groups.slice(0, rows), totalCount, countedAt: countedAt(root, {}, { askedAt }) };
  },
  rejectedEvent: async (_root, args, { rpc }) => {
    const id = localId('RejectedEvent', args.id);
    return id === undefined ? null : (await found(rpc.quarantine.getRejectedEvent({ id })))?.event;
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const quarantineMutations = {
  mendRejectedEvent: (_root, args, { rpc }) => {
    const id = localId('RejectedEvent', args.id);
    if (id === undefined) return notFound('REJECTED_EVENT_UNKNOWN', 'There is no such refused event.');
    return expecting({ STILL_REJECTED: 'StillRejected', REJECTED_EVENT_RESOLVED: 'RejectedEventResolved', NOT_FOUND: 'NotFound' }, async () =>
      present((await rpc.quarantine.mendRejectedEvent({ id, payload: jsonText(args.payload) }, PATIENTLY)).event, 'event'),
    );
  },
  replayRejectedEvents: (_root, { input: { selection: given, first, after, mapping } }, { rpc }) => {
    const selection = selectionOf(given);
    if (selection instanceof ExpectedFailure) return selection;
    return expecting({ SELECTION_INVALID: 'SelectionInvalid', CURSOR_INVALID: 'SelectionInvalid', MAPPING_INVALID: 'MappingInvalid' }, () =>
      rpc.quarantine.replayRejectedEvents({ selection, first: boundOf(first), after: after ?? '', mapping: jsonText(mapping) }, PATIENTLY),
    );
  },
  discardRejectedEvents: (_root, { input: { selection: given, first, note } }, { rpc }) => {
    const selection = selectionOf(given);
    if (selection instanceof ExpectedFailure) return selection;
    return expecting({ SELECTION_INVALID: 'SelectionInvalid' }, () => rpc.quarantine.discardRejectedEvents({ selection, first: boundOf(first), note }, PATIENTLY));
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const quarantineTypes: ResolversOf<
  'RejectedEventGroup' | 'RejectedEventsReplayed' | 'ReplayResult' | 'StillRejected' | 'RejectedEventResolved'
  | 'MendRejectedEventResult' | 'ReplayRejectedEventsResult' | 'DiscardRejectedEventsResult'
> = {
  RejectedEventGroup: {
    firstSeenAt: ({ firstSeenAt }) => present(firstSeenAt, 'firstSeenAt'),
    lastSeenAt: ({ lastSeenAt }) => present(lastSeenAt, 'lastSeenAt'),
    example: ({ example }) => present(example, 'example'),
    import: ({ source }, _args, { loaders }) => (source.startsWith(FROM_IMPORT) ? loaders.import.load(source.slice(FROM_IMPORT.length)) : null),
  },
  RejectedEventsReplayed: {
    stored: ({ results }) => results.filter(({ outcome, changed }) => changed && outcome === ReplayOutcome.STORED).length,
    duplicate: ({ results }) => results.filter(({ outcome, changed }) => changed && outcome === ReplayOutcome.DUPLICATE).length,
    stillRejected: ({ results }) => results.filter(({ outcome }: ReplayResult) => outcome === ReplayOutcome.STILL_REJECTED).length,
    endCursor: ({ endCursor }) => orNull(endCursor),
  },
  ReplayResult: {
    id: ({ id }) => globalId('RejectedEvent', id),
    outcome: ({ outcome }) => (outcome === ReplayOutcome.UNSPECIFIED ? ReplayOutcome.UNKNOWN : outcome),
    messageId: ({ messageId }) => orNull(messageId),
    reason: ({ reason }) => orNull(reason),
    detail: ({ detail }) => orNull(detail),
  },
  StillRejected: {
    reason: ({ facts }) => facts['reason'] ?? '',
  },
  RejectedEventResolved: {
    state: ({ facts }) => (facts['state'] === 'DISCARDED' ? RejectedEventState.DISCARDED : RejectedEventState.REPLAYED),
  },
  MendRejectedEventResult: outcomeOf('RejectedEvent'),
  ReplayRejectedEventsResult: outcomeOf('RejectedEventsReplayed'),
  DiscardRejectedEventsResult: outcomeOf('RejectedEventsDiscarded'),
};

function selectionOf({ ids, reason, source }: RejectedEventSelection): { ids: string[]; reason: string; source: string } | ExpectedFailure<'SelectionInvalid'> {
  const own = (ids ?? []).map((id) => localId('RejectedEvent', id));
  const known = own.filter((id): id is string => id !== undefined);
  if (known.length < own.length) return new ExpectedFailure('SelectionInvalid', 'SELECTION_INVALID', 'One of the ids is none of a refused event.');
  return { ids: known, reason: reason ?? '', source: source ?? '' };
}

/** Zero is the service's word for "as many as usual". */
function boundOf(first: number | null | undefined): number {
  return Math.max(first ?? 0, 0);
}
