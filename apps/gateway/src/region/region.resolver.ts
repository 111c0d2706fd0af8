import type { region } from '#libs/contracts';

import { countedByModel } from '../counting/count.resolver.js';
import type { ExamplesInput } from '../gen/resolvers.js';
import type { ResolversOf } from '../graphql/complete.js';
import { expecting, notFound } from '../graphql/expected.js';
import { localId } from '../graphql/global-id.js';
import { loadPresent, segmentNow } from '../graphql/loaders.js';
import { present } from '../graphql/present.js';

const CANNOT_BE = { INVALID_ARGUMENT: 'SegmentInvalid', TOO_MANY_SEGMENTS: 'SegmentInvalid' } as const;

export const regionQueries = {
  previewExampleSegment: (_root, { examples, threshold, withRule }, { rpc }) =>
    rpc.regions.previewExampleSegment({ examples: examplesOf(examples), segmentId: '', threshold: threshold ?? undefined, withRule: withRule ?? false }),
  exampleSegment: async (_root, { segmentId }, { rpc }) => {
    const id = localId('Segment', segmentId);
    if (id === undefined) return null;
    const answer = await expecting({ NOT_FOUND: 'NotFound' }, () => rpc.regions.getExampleSegment({ segmentId: id }));
    return 'progress' in answer ? { ...answer, segmentId: id } : null;
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const regionMutations = {
  createExampleSegment: (_root, { input }, { rpc, loaders }) =>
    expecting({ ...CANNOT_BE, NAME_TAKEN: 'NameTaken', NAME_INVALID: 'NameInvalid', DESCRIPTION_INVALID: 'NameInvalid' }, async () => {
      const { segmentId } = await rpc.regions.createExampleSegment({
        name: input.name, description: input.description ?? '', examples: examplesOf(input.examples), threshold: input.threshold ?? undefined,
      });
      return present(await loaders.segment.load(segmentNow(segmentId)), 'segment');
    }),
  moveThreshold: (_root, { segmentId, threshold }, { rpc, loaders }) => {
    const id = localId('Segment', segmentId);
    if (id === undefined) return notFound('SEGMENT_UNKNOWN', 'There is no such segment by example.');
    return expecting({ ...CANNOT_BE, NOT_FOUND: 'NotFound' }, async () => {
      await rpc.regions.moveThreshold({ segmentId: id, threshold });
      return present(await loaders.segment.load(segmentNow(id)), 'segment');
    });
  },
} satisfies Partial<ResolversOf<'Mutation'>['Mutation']>;

export const regionTypes: ResolversOf<'RegionPreview' | 'ExampleSegment'> = {
  RegionPreview: {
    typical: ({ typicalCustomerIds }, _args, { loaders }) => loadPresent(loaders.customer, typicalCustomerIds),
    border: ({ borderCustomerIds }, _args, { loaders }) => loadPresent(loaders.customer, borderCustomerIds),
    rule: ({ rule }) => rule ?? null,
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    basis: (preview) => countedByModel(preview),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
  },
  ExampleSegment: {
    changedAt: ({ changedAt }) => present(changedAt, 'changedAt'),
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    preview: ({ segmentId }, { threshold, withRule }, { rpc }) =>
      rpc.regions.previewExampleSegment({ examples: undefined, segmentId, threshold: threshold ?? undefined, withRule: withRule ?? false }),
  },
};

function examplesOf({ userIds, lasso }: ExamplesInput): region.Examples {
  return { userIds: userIds ?? [], lasso: lasso ?? [] };
}
