import type { definition } from '#libs/contracts';

import { countedAsStored } from '../counting/count.resolver.js';
import type { UpdateSegmentInput } from '../gen/resolvers.js';
import type { ResolversOf } from '../graphql/complete.js';
import type { GatewayContext } from '../graphql/context.js';
import { expecting, notFound, outcomeOf } from '../graphql/expected.js';
import { globalId, localId } from '../graphql/global-id.js';
import { loadPresent, segmentNow } from '../graphql/loaders.js';
import { present } from '../graphql/present.js';
import { conditionJson, conditionOf } from './condition.js';

const CANNOT_BE = { INVALID_ARGUMENT: 'SegmentInvalid', TOO_MANY_SEGMENTS: 'SegmentInvalid' } as const;

export const definitionQueries = {
  previewSegment: (_root, { condition }, { rpc }) => rpc.definitions.previewDefinedSegment({ condition: conditionOf(condition) }),
  segmentDefinition: async (_root, { segmentId }, { rpc }) => {
    const id = localId('Segment', segmentId);
    if (id === undefined) return null;
    const answer = await expecting({ NOT_FOUND: 'NotFound' }, () => rpc.definitions.getSegmentDefinition({ segmentId: id }));
    return 'definition' in answer ? (answer.definition ?? null) : null;
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const definitionMutations = {
  createSegment: (_root, { input }, { rpc, loaders }) =>
    expecting({ ...CANNOT_BE, NAME_TAKEN: 'NameTaken', NAME_INVALID: 'NameInvalid', DESCRIPTION_INVALID: 'NameInvalid' }, async () => {
      const made = await rpc.definitions.createDefinedSegment({ name: input.name, description: input.description ?? '', ...meaningOf(input) });
      return segmentOf(made.definition, loaders);
    }),
  updateSegment: (_root, { id, input }, { rpc, loaders }) => {
    const own = localId('Segment', id);
    if (own === undefined) return unknownSegment();
    return expecting({ ...CANNOT_BE, NOT_FOUND: 'NotFound' }, async () => {
      const changed = await rpc.definitions.updateDefinedSegment({ segmentId: own, ...meaningOf(input) });
      return segmentOf(changed.definition, loaders);
    });
  },
  deleteSegment: (_root, { id }, { rpc }) => {
    const own = localId('Segment', id);
    if (own === undefined) return unknownSegment();
    return expecting({ NOT_FOUND: 'NotFound', SEGMENT_IN_USE: 'SegmentInvalid' }, async () => {
      await rpc.definitions.deleteDefinedSegment({ segmentId: own });
      return { id: globalId('Segment', own) };
    });
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const definitionTypes: ResolversOf<'SegmentPreview' | 'RuleNotice' | 'SegmentDefinition' | 'CreateSegmentResult' | 'UpdateSegmentResult' | 'DeleteSegmentResult'> = {
  SegmentPreview: {
    sample: ({ sampleCustomerIds }, _args, { loaders }) => loadPresent(loaders.customer, sampleCustomerIds),
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    basis: ({ asOf }) => countedAsStored(asOf),
  },
  RuleNotice: { nearest: ({ nearest }) => nearest || null },
  SegmentDefinition: {
    condition: ({ condition }) => (condition ? conditionJson(condition) : null),
    changedAt: ({ changedAt }) => present(changedAt, 'changedAt'),
    failure: ({ failure }) => failure || null,
    notices: async ({ segmentId, condition }, _args, { rpc }) => (condition ? (await rpc.definitions.getRuleNotices({ segmentId })).notices : []),
  },
  CreateSegmentResult: outcomeOf('Segment'),
  UpdateSegmentResult: outcomeOf('Segment'),
  DeleteSegmentResult: outcomeOf('SegmentDeleted'),
};

function meaningOf({ condition, userIds }: UpdateSegmentInput): Pick<definition.CreateDefinedSegmentRequest, 'condition' | 'customers'> {
  return { condition: condition ? conditionOf(condition) : undefined, customers: userIds ? { userIds } : undefined };
}

async function segmentOf(made: definition.SegmentDefinition | undefined, loaders: GatewayContext['loaders']) {
  const { segmentId } = present(made, 'definition');
  return present(await loaders.segment.load(segmentNow(segmentId)), 'segment');
}

function unknownSegment() {
  return notFound('SEGMENT_UNKNOWN', 'There is no such segment that people defined.');
}
