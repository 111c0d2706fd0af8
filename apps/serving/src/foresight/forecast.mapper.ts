import type { foresight } from '#libs/contracts';

import { isoOf, MICROS_PER_SECOND } from '../time/micros.js';
import { timeOf } from './forecast.time.js';
import type { KeptForecast } from './foresight.repository.js';

const DAY = 86_400 * MICROS_PER_SECOND;

/** The most likely first; times count from the reading. */
export function toForecasts({ readAt, forecast }: Pick<KeptForecast, 'readAt' | 'forecast'>, modelId: string): foresight.TimedForecast[] {
  const times = new Map([...Map.groupBy(forecast, ({ event }) => event)].map(([event, chances]) => [event, timeOf(chances)]));
  const after = (days: number | null | undefined) => (typeof days === 'number' ? isoOf(Math.round(readAt + days * DAY)) : undefined);
  return forecast
    .toSorted((one, other) => other.probability - one.probability)
    .map(({ event, horizonDays, probability, expectedValue }) => {
      const time = times.get(event);
      return {
        event,
        horizonDays,
        probability,
        expectedValue,
        expectedAt: after(time?.median),
        earliestAt: after(time?.earliest),
        latestAt: after(time?.latest),
        asOf: isoOf(readAt),
        modelId,
      } satisfies foresight.TimedForecast;
    });
}
