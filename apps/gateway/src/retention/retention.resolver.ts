import { retention } from '#libs/contracts';

import { readConnection } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { invalidArgument } from '../graphql/error.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { found } from '../graphql/loaders.js';
import { countOrNull, orNull, present } from '../graphql/present.js';

const { SUCCEEDED } = retention.ArchiveRequestState;

export const retentionQueries = {
  retentionPolicy: async (_root, _args, { rpc }) => present((await rpc.retention.getRetentionPolicy({})).policy, 'policy'),
  eventArchives: (_root, args, { rpc }) =>
    readConnection(args, async (page) => {
      const { archives, pageInfo } = await rpc.retention.listEventArchives({ page });
      return { rows: archives, pageInfo };
    }),
  archiveRequest: async (_root, args, { rpc }) => {
    const id = localId('ArchiveRequest', args.id);
    return id === undefined ? null : (await found(rpc.retention.getArchiveRequest({ id })))?.request;
  },
  archiveRequests: (_root, args, { rpc }) =>
    readConnection(args, async (page) => {
      const { requests, pageInfo } = await rpc.retention.listArchiveRequests({ page });
      return { rows: requests, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const retentionMutations = {
  setRetentionPolicy: (_root, { input }, { rpc }) => {
    const policy = { archiveAfterDays: daysOf(input.archiveAfterDays), dropAfterDays: daysOf(input.dropAfterDays) };
    return expecting({ RETENTION_INVALID: 'RetentionInvalid' }, async () => present((await rpc.retention.setRetentionPolicy({ policy })).policy, 'policy'));
  },
  archiveEvents: (_root, { before }, { rpc }) =>
    expecting({ ARCHIVING_ACTIVE: 'ArchivingActive', NOTHING_TO_ARCHIVE: 'NothingToArchive' }, async () => present((await rpc.retention.archiveEvents({ before })).request, 'request')),
  replayArchive: (_root, args, { rpc }) => {
    const archiveId = localId('EventArchive', args.id);
    if (archiveId === undefined) return notFound('ARCHIVE_UNKNOWN', 'There is no such archive.');
    return expecting({ NOT_FOUND: 'NotFound', ARCHIVE_DROPPED: 'ArchiveDropped', KEY_REFUSED: 'WriteKeyRefused' }, async () =>
      present((await rpc.retention.replayArchive({ archiveId, writeKey: args.writeKey ?? '' })).request, 'request'),
    );
  },
  restoreArchive: (_root, args, { rpc }) => {
    const archiveId = localId('EventArchive', args.id);
    if (archiveId === undefined) return notFound('ARCHIVE_UNKNOWN', 'There is no such archive.');
    const keepDays = daysOf(args.keepDays);
    return expecting({ NOT_FOUND: 'NotFound', ARCHIVE_DROPPED: 'ArchiveDropped' }, async () =>
      present((await rpc.retention.restoreArchive({ archiveId, keepDays })).request, 'request'),
    );
  },
  cancelArchiveRequest: (_root, args, { rpc }) => {
    const id = localId('ArchiveRequest', args.id);
    if (id === undefined) return notFound('ARCHIVE_REQUEST_UNKNOWN', 'There is no such request.');
    return expecting({ NOT_FOUND: 'NotFound', ARCHIVE_REQUEST_ENDED: 'ArchiveRequestEnded' }, async () =>
      present((await rpc.retention.cancelArchiveRequest({ id })).request, 'request'),
    );
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const retentionTypes: ResolversOf<
  | 'RetentionPolicy' | 'EventArchive' | 'ArchiveRequest' | 'SetRetentionPolicyResult' | 'ArchiveEventsResult' | 'ReplayArchiveResult' | 'RestoreArchiveResult' | 'CancelArchiveRequestResult'
> = {
  RetentionPolicy: {
    archiveAfterDays: ({ archiveAfterDays }) => countOrNull(archiveAfterDays),
    dropAfterDays: ({ dropAfterDays }) => countOrNull(dropAfterDays),
  },
  EventArchive: {
    id: ({ id }) => globalId('EventArchive', id),
    from: ({ periodStart }) => present(periodStart, 'periodStart'),
    to: ({ periodEnd }) => present(periodEnd, 'periodEnd'),
    rows: ({ events }) => events,
    checksum: ({ sha256 }) => orNull(sha256),
  },
  ArchiveRequest: {
    id: ({ id }) => globalId('ArchiveRequest', id),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    progress: ({ state, eventsDone, eventsTotal }) => (state === SUCCEEDED ? 1 : eventsTotal === 0 ? null : Math.min(eventsDone / eventsTotal, 1)),
    eventsTotal: ({ state, eventsTotal }) => (state === SUCCEEDED ? eventsTotal : countOrNull(eventsTotal)),
    error: ({ error }) => orNull(error),
  },
  SetRetentionPolicyResult: outcomeOf('RetentionPolicy'),
  ArchiveEventsResult: outcomeOf('ArchiveRequest'),
  ReplayArchiveResult: outcomeOf('ArchiveRequest'),
  RestoreArchiveResult: outcomeOf('ArchiveRequest'),
  CancelArchiveRequestResult: outcomeOf('ArchiveRequest'),
};

/** The services' 0 is "never", which is said by null here: a policy of no days is a slip. */
function daysOf(given: number | null | undefined): number {
  if (given !== null && given !== undefined && given < 1) throw invalidArgument('Days are 1 or more; leave out what is to be kept for ever.');
  return given ?? 0;
}
