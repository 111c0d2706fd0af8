import { rowsAsked, rowsOf } from '../graphql/connection.js';
import type { ResolversOf } from '../graphql/complete.js';
import { invalidArgument } from '../graphql/error.js';
import { RecommendationReason } from '../graphql/message.js';
import { orNull, present } from '../graphql/present.js';

type CustomerResolvers = ResolversOf<'Customer'>['Customer'];
type EventResolvers = ResolversOf<'Event'>['Event'];

/** What a customer may do next. */
export const customerForesight: Pick<CustomerResolvers, 'forecast' | 'recommendations'> = {
  forecast: async ({ id }, { first, horizonDays, asOf }, { loaders }) => {
    const forecasts = asOf ? ((await loaders.pastReading.load({ customerId: id, asOf }))?.forecasts ?? []) : await loaders.forecast.load(id);
    return (horizonDays === null || horizonDays === undefined ? forecasts : within(forecasts, horizonDays)).slice(0, rowsOf(first));
  },
  recommendations: async ({ id }, { first, excludeOwned, asOf }, { loaders }) => {
    const asked = rowsAsked(first);
    return asked.of(await loaders.recommendation.load({ customerId: id, first: asked.first, excludeOwned: excludeOwned ?? false, asOf: asOf ?? undefined }));
  },
};

/** Of the horizon that is nearest to so many days. */
function within<Forecast extends { readonly horizonDays: number }>(forecasts: readonly Forecast[], days: number): Forecast[] {
  if (!(days > 0)) throw invalidArgument('horizonDays: give a number of days above 0.');
  const [nearest] = [...new Set(forecasts.map(({ horizonDays }) => horizonDays))].sort((one, other) => Math.abs(one - days) - Math.abs(other - days) || one - other);
  return forecasts.filter(({ horizonDays }) => horizonDays === nearest);
}

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
