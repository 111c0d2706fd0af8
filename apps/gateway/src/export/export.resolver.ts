import { basisThen } from '../counting/count.resolver.js';
import { fileName } from '../download/download.name.js';
import { readConnection, readPageOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import type { GatewayContext } from '../graphql/context.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { found, segmentNow } from '../graphql/loaders.js';
import type { ExportColumn } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';

const CANNOT_BE = { NOT_FOUND: 'NotFound', INVALID_ARGUMENT: 'ExportInvalid', AS_OF_BEFORE_HISTORY: 'ExportInvalid', RESOURCE_EXHAUSTED: 'ExportInvalid' } as const;
const NOTHING = 'none';

type Choice = { readonly columns?: ExportColumn[] | null | undefined; readonly attributes?: string[] | null | undefined };
type Filter = { readonly segmentId?: string | null | undefined; readonly scheduleId?: string | null | undefined };

export const exportQueries = {
  export: async (_root, args, { rpc }) => {
    const id = localId('Export', args.id);
    return id === undefined ? null : (await found(rpc.exports.getExport({ id })))?.export;
  },
  exports: (_root, { segmentId, scheduleId, ...paging }, context) => listExports({ segmentId, scheduleId }, paging, context),
  exportSchedules: (_root, { segmentId, ...paging }, { rpc }) =>
    readConnection(paging, async (page) => {
      const { schedules, pageInfo } = await rpc.exports.listExportSchedules({ page, segmentId: ownFilter('Segment', segmentId) });
      return { rows: schedules, pageInfo };
    }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const exportMutations = {
  exportSegment: (_root, args, { rpc }) => {
    const segmentId = localId('Segment', args.segmentId);
    if (segmentId === undefined) return unknownSegment();
    return expecting(CANNOT_BE, async () => present((await rpc.exports.startExport({ segmentId, format: args.format, asOf: args.asOf ?? undefined, ...choiceOf(args) })).export, 'export'));
  },
  cancelExport: (_root, args, { rpc }) => {
    const id = localId('Export', args.id);
    if (id === undefined) return notFound('EXPORT_UNKNOWN', 'There is no such export.');
    return expecting({ NOT_FOUND: 'NotFound', EXPORT_ENDED: 'ExportEnded' }, async () => present((await rpc.exports.cancelExport({ id })).export, 'export'));
  },
  createExportSchedule: (_root, { input }, { rpc }) => {
    const segmentId = localId('Segment', input.segmentId);
    if (segmentId === undefined) return unknownSegment();
    const { format, cron, timeZone } = input;
    return expecting(CANNOT_BE, async () =>
      present((await rpc.exports.createExportSchedule({ segmentId, format, cron, timeZone: timeZone ?? '', ...choiceOf(input) })).schedule, 'schedule'),
    );
  },
  updateExportSchedule: (_root, args, { rpc }) => {
    const id = localId('ExportSchedule', args.id);
    if (id === undefined) return unknownSchedule();
    const { cron, timeZone, isPaused, columns, attributes } = args.input;
    const change = {
      id, cron: cron ?? undefined, timeZone: timeZone ?? undefined, paused: isPaused ?? undefined,
      columns: columns ? { columns } : undefined, attributes: attributes ? { names: attributes } : undefined,
    };
    return expecting(CANNOT_BE, async () => present((await rpc.exports.updateExportSchedule(change)).schedule, 'schedule'));
  },
  deleteExportSchedule: (_root, args, { rpc }) => {
    const id = localId('ExportSchedule', args.id);
    if (id === undefined) return unknownSchedule();
    return expecting({ NOT_FOUND: 'NotFound' }, async () => {
      await rpc.exports.deleteExportSchedule({ id });
      return { id: globalId('ExportSchedule', id) };
    });
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const exportTypes: ResolversOf<
  | 'Export' | 'ExportManifest' | 'ExportSchedule' | 'ExportSegmentResult' | 'CancelExportResult' | 'CreateExportScheduleResult' | 'UpdateExportScheduleResult'
  | 'DeleteExportScheduleResult'
> = {
  Export: {
    id: ({ id }) => globalId('Export', id),
    segment: ({ segmentId }, _args, { loaders }) => loaders.segment.load(segmentNow(segmentId)),
    progress: ({ membersDone, membersTotal, manifest }) => (manifest ? 1 : membersTotal === 0 ? null : Math.min(membersDone / membersTotal, 1)),
    schedule: ({ scheduleId }, _args, { loaders }) => (scheduleId === '' ? null : loaders.exportSchedule.load(scheduleId)),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    error: ({ error }) => orNull(error),
    download: async ({ artifact, segmentId, manifest }, _args, { downloads, loaders }) => {
      if (artifact === '') return null;
      const segment = await loaders.segment.load(segmentNow(segmentId));
      return downloads.make(artifact, fileName(`${segment?.name ?? 'members'} ${manifest?.asOf?.slice(0, 10) ?? ''}`, artifact, 'members'));
    },
  },
  ExportManifest: {
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    versionAt: ({ versionAt }) => present(versionAt, 'versionAt'),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    basis: (manifest) => basisThen(manifest),
    checksum: ({ sha256 }) => sha256,
  },
  ExportSchedule: {
    id: ({ id }) => globalId('ExportSchedule', id),
    segment: ({ segmentId }, _args, { loaders }) => loaders.segment.load(segmentNow(segmentId)),
    isPaused: ({ paused }) => paused,
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    exports: ({ id }, paging, { reads }, info) => readPageOf(id, paging, reads.scheduledExports, info),
  },
  ExportSegmentResult: outcomeOf('Export'),
  CancelExportResult: outcomeOf('Export'),
  CreateExportScheduleResult: outcomeOf('ExportSchedule'),
  UpdateExportScheduleResult: outcomeOf('ExportSchedule'),
  DeleteExportScheduleResult: outcomeOf('ExportScheduleDeleted'),
};

function listExports({ segmentId, scheduleId }: Filter, paging: Parameters<typeof readConnection>[0], { rpc }: GatewayContext) {
  const filter = { segmentId: ownFilter('Segment', segmentId), scheduleId: ownFilter('ExportSchedule', scheduleId) };
  return readConnection(paging, async (page) => {
    const { exports, pageInfo } = await rpc.exports.listExports({ page, ...filter });
    return { rows: exports, pageInfo };
  });
}

const choiceOf = ({ columns, attributes }: Choice) => ({ columns: columns ? { columns } : undefined, attributes: attributes ?? [] });

/** Empty for none given; an id that was never handed out matches nothing. */
function ownFilter(type: 'Segment' | 'ExportSchedule', given: string | null | undefined): string {
  return given === null || given === undefined ? '' : (localId(type, given) ?? NOTHING);
}

const unknownSegment = () => notFound('SEGMENT_UNKNOWN', 'There is no such segment.');
const unknownSchedule = () => notFound('SCHEDULE_UNKNOWN', 'There is no such schedule.');
