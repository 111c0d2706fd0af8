import { countedByModel } from '../counting/count.resolver.js';
import type { ResolversOf } from '../graphql/complete.js';
import { rowsAsked } from '../graphql/connection.js';
import type { GatewayContext } from '../graphql/context.js';
import { invalidArgument } from '../graphql/error.js';
import { localId } from '../graphql/global-id.js';
import type { SimilarCustomer } from '../graphql/message.js';
import { present } from '../graphql/present.js';

export const similarQueries = {
  lookAlikes: async (_root, { userIds, segmentId, first }, { rpc, loaders }) => {
    const segment = segmentId ? localId('Segment', segmentId) : '';
    if (segment === undefined) throw invalidArgument('segmentId is the id of no segment.');
    const asked = rowsAsked(first);
    const answer = await rpc.similarity.listLookAlikes({ userIds: userIds ?? [], segmentId: segment, first: asked.first });
    return { ...answer, customers: await there(asked.of(answer.customers), loaders) };
  },
  similaritySearch: async (_root, _args, { rpc }) => (await rpc.similarity.getSimilaritySearch({})).search ?? null,
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const similarTypes: ResolversOf<'SimilarCustomer' | 'SimilaritySearch'> = {
  SimilarCustomer: {
    customer: async ({ customerId }, _args, { loaders }) => present(await loaders.customer.load(customerId), 'a similar customer'),
  },
  SimilaritySearch: {
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    basis: (search) => countedByModel(search),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
  },
};

/** One that was erased a moment ago is no neighbour any more. */
export async function there(customers: readonly SimilarCustomer[], loaders: GatewayContext['loaders']): Promise<SimilarCustomer[]> {
  const known = await Promise.all(customers.map(({ customerId }) => loaders.customer.load(customerId)));
  return customers.filter((_, index) => known[index] !== undefined);
}
