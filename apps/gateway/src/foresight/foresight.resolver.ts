import { rowsAsked, rowsOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { RecommendationReason } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';

type CustomerResolvers = ResolversOf<'Customer'>['Customer'];
type EventResolvers = ResolversOf<'Event'>['Event'];

/** What a customer may do next. */
export const customerForesight: Pick<CustomerResolvers, 'forecast' | 'recommendations'> = {
  forecast: async ({ id }, { first, asOf }, { loaders }) => {
    const forecasts = asOf ? ((await loaders.pastReading.load({ customerId: id, asOf }))?.forecasts ?? []) : await loaders.forecast.load(id);
    return forecasts.slice(0, rowsOf(first));
  },
  recommendations: async ({ id }, { first, excludeOwned, asOf }, { loaders }) => {
    const asked = rowsAsked(first);
    return asked.of(await loaders.recommendation.load({ customerId: id, first: asked.first, excludeOwned: excludeOwned ?? false, asOf: asOf ?? undefined }));
  },
};

/** How surprising an event was. */
export const eventForesight: Pick<EventResolvers, 'novelty'> = {
  novelty: ({ customerId, id }, _args, { loaders }) => loaders.eventNovelty.load({ customerId, eventId: id }),
};

export const foresightTypes: ResolversOf<'EventForecast' | 'ItemRecommendation'> = {
  EventForecast: {
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
  },
  ItemRecommendation: {
    reason: ({ reason }) => (reason === RecommendationReason.UNSPECIFIED ? RecommendationReason.TASTE : reason),
    goesWith: ({ goesWith }) => orNull(goesWith),
    asOf: ({ asOf }) => present(asOf, 'asOf'),
    model: ({ modelId }, _args, { loaders }) => loaders.model.load(modelId),
  },
};
