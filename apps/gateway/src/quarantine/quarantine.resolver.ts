import type { RejectedEventSelection } from '../gen/resolvers.js';
import { countedAt } from '../counting/count.resolver.js';
import type { ResolversOf } from '../graphql/complete.js';
import { rowsAsked } from '../graphql/connection.js';
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
    const asked = rowsAsked(first);
    const { groups, totalCount } = await rpc.quarantine.listRejectedEventGroups({ state, first: asked.first });
    return { nodes: asked.of(groups), totalCount, countedAt: countedAt(root, {}, { askedAt }) };
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
    const selection = selectionOf(given, first);
    if (selection instanceof ExpectedFailure) return selection;
    return expecting({ SELECTION_INVALID: 'SelectionInvalid', CURSOR_INVALID: 'SelectionInvalid', MAPPING_INVALID: 'MappingInvalid' }, () =>
      rpc.quarantine.replayRejectedEvents({ selection, first: first ?? 0, after: after ?? '', mapping: jsonText(mapping) }, PATIENTLY),
    );
  },
  discardRejectedEvents: (_root, { input: { selection: given, first, note } }, { rpc }) => {
    const selection = selectionOf(given, first);
    if (selection instanceof ExpectedFailure) return selection;
    return expecting({ SELECTION_INVALID: 'SelectionInvalid' }, () => rpc.quarantine.discardRejectedEvents({ selection, first: first ?? 0, note }, PATIENTLY));
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

/** A service would take 0 for as many as usual. */
function selectionOf({ ids, reason, source }: RejectedEventSelection, first: number | null | undefined): { ids: string[]; reason: string; source: string } | ExpectedFailure<'SelectionInvalid'> {
  const own = (ids ?? []).map((id) => localId('RejectedEvent', id));
  const known = own.filter((id): id is string => id !== undefined);
  if (known.length < own.length) return new ExpectedFailure('SelectionInvalid', 'SELECTION_INVALID', 'One of the ids is none of a refused event.');
  if (typeof first === 'number' && first < 1) return new ExpectedFailure('SelectionInvalid', 'SELECTION_INVALID', `first: at least 1 is taken at once; ${first} were asked for.`);
  return { ids: known, reason: reason ?? '', source: source ?? '' };
}
