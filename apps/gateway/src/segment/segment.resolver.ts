import { basisOfSize, basisOfSizes } from '../counting/count.resolver.js';
import { readPageOf, rowsOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import type { GatewayContext } from '../graphql/context.js';
import { invalidArgument } from '../graphql/error.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { loadPresent, segmentBeside, segmentNow } from '../graphql/loaders.js';
import type { Segment } from '../graphql/message.js';
import { present } from '../graphql/present.js';
import { listMembers } from './member.list.js';
import { listSegments } from './segment.list.js';

export const segmentQueries = {
  segment: (_root, args, { loaders }) => {
    const id = localId('Segment', args.id);
    return id === undefined ? null : loaders.segment.load({ id, modelId: modelIdOf(args.modelId), asOf: args.asOf ?? '' });
  },
  segments: (_root, { kind, modelId, asOf, level, ...paging }, { reads }) => listSegments(reads, paging, { kind, modelId: modelIdOf(modelId), asOf, level }),
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const segmentMutations = {
  renameSegment: (_root, { id, name, description }, { rpc }) => {
    const own = localId('Segment', id);
    if (own === undefined) return notFound('SEGMENT_UNKNOWN', 'There is no such segment.');
    return expecting({ NOT_FOUND: 'NotFound', NAME_TAKEN: 'NameTaken', INVALID_ARGUMENT: 'NameInvalid' }, async () => {
      const { segment, basis } = await rpc.segments.renameSegment({ id: own, name, description: description ?? undefined });
      return { ...present(segment, 'segment'), sizes: basis };
    });
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

/** A field of what is most of a segment, loaded where it was told briefly. */
function detail<Args, Value>(read: (segment: Segment, args: Args, context: GatewayContext) => Value | Promise<Value>) {
  return (segment: Segment, args: Args, context: GatewayContext): Value | Promise<Value> =>
    segment.isBrief
      ? context.loaders.segment.load(segmentBeside(segment, segment.id)).then((whole) => read(present(whole, 'a segment that was just told'), args, context))
      : read(segment, args, context);
}

export const segmentTypes: ResolversOf<'Segment' | 'SegmentConnection' | 'SegmentRule' | 'SegmentVersion' | 'SegmentLineage' | 'RenameSegmentResult'> = {
  Segment: {
    id: ({ id }) => globalId('Segment', id),
    traits: detail(({ traits }, { first }) => traits.slice(0, rowsOf(first))),
    typicalCustomers: detail(({ typicalCustomerIds }, { first }, { loaders }) => loadPresent(loaders.customer, typicalCustomerIds.slice(0, rowsOf(first)))),
    rule: detail(({ rule }) => rule),
    lineage: detail(({ lineage }) => lineage),
    members: (segment, args, context) => listMembers(segmentBeside(segment, segment.id), args, context),
    basis: (segment) => basisOfSize(segment),
    parent: (segment, _args, { loaders }) => (segment.parentId === '' ? null : loaders.segment.load(segmentBeside(segment, segment.parentId))),
    children: async (segment, _args, { loaders }) =>
      (await loadPresent(loaders.segment, segment.childIds.map((id) => segmentBeside(segment, id)))).sort((one, other) => other.size - one.size),
    versions: ({ id }, args, { reads }, info) => readPageOf(id, args, reads.segmentVersions, info),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    isRenamed: ({ renamed }) => renamed,
  },
  SegmentConnection: {
    population: ({ sizes }) => (sizes?.placed ?? 0) + (sizes?.unseen ?? 0),
    asOf: ({ sizes }) => present(sizes?.asOf, 'asOf'),
    model: ({ sizes }, _args, { loaders }) => (sizes?.modelId ? loaders.model.load(sizes.modelId) : null),
    basis: ({ sizes, past }) => basisOfSizes(sizes, past),
  },
  SegmentRule: {
    isFaithful: ({ faithful }) => faithful,
  },
  SegmentVersion: {
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    createdAt: ({ createdAt }) => present(createdAt, 'createdAt'),
    traits: ({ traits }, { first }) => traits.slice(0, rowsOf(first)),
  },
  SegmentLineage: {
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    at: ({ at }) => present(at, 'at'),
    relatedSegments: ({ relatedSegmentIds }, _args, { loaders }) => loadPresent(loaders.segment, relatedSegmentIds.map(segmentNow)),
  },
  RenameSegmentResult: outcomeOf('Segment'),
};

function modelIdOf(given: string | null | undefined): string {
  if (!given) return '';
  const id = localId('Model', given);
  if (id === undefined) throw invalidArgument('modelId is the id of no model.');
  return id;
}
