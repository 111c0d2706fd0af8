import { countedByModel } from '../counting/count.resolver.js';
import { rowsAsked } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { notKept } from '../graphql/error.js';
import { globalId } from '../graphql/global-id.js';
import { present } from '../graphql/present.js';

/** Customers on the map in one answer. */
export const MOST_POINTS = 10_000;

export const mapQueries = {
  customerMap: async (_root, { sample, asOf }, { rpc }) => {
    if (asOf) throw notKept('where everyone was on the map at an earlier time is not kept. Leave asOf out, or ask mapPosition of single customers, or the sizes of segments, as of that time.');
    const asked = rowsAsked(sample ?? 2_000, MOST_POINTS);
    const map = await rpc.segments.getCustomerMap({ sample: asked.first });
    return { ...map, points: asked.of(map.points) };
  },
} satisfies Partial<ResolversOf<'Query'>['Query']>;

export const mapTypes: ResolversOf<'CustomerMap' | 'MapPoint' | 'MapPosition'> = {
  CustomerMap: {
    model: ({ modelId }, _args, { loaders }) => (modelId === '' ? null : loaders.model.load(modelId)),
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    basis: (map) => countedByModel(map),
  },
  MapPoint: {
    customerId: ({ customerId }) => globalId('Customer', customerId),
    segmentId: ({ segmentId }) => (segmentId === '' ? null : globalId('Segment', segmentId)),
  },
  MapPosition: {
    x: ({ mapX }) => mapX,
    y: ({ mapY }) => mapY,
  },
};
