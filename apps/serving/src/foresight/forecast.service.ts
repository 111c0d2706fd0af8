import { Injectable } from '@nestjs/common';

import type { foresight } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { onlyUuids } from '../page/uuid.js';
import { isoOf, MICROS_PER_SECOND } from '../time/micros.js';
import { timeOf } from './forecast.time.js';
import { ForesightRepository, type KeptForecast } from './foresight.repository.js';

const MOST_CUSTOMERS = 500;
const DAY = 86_400 * MICROS_PER_SECOND;

/** Likely events with times, from the forecasts that are kept with the states. */
@Injectable()
export class ForecastService {
  constructor(private readonly kept: ForesightRepository) {}

  async ofCustomers(workspaceId: string, { customerIds }: foresight.GetForecastsRequest): Promise<foresight.GetForecastsResponse> {
    if (customerIds.length > MOST_CUSTOMERS) {
      throw RpcError.invalid(`At most ${MOST_CUSTOMERS} customers at once; ${customerIds.length} were asked for.`, { reason: 'TOO_MANY_IDS' });
    }
    const { modelId, rows } = await this.kept.forecasts(workspaceId, [...new Set(onlyUuids(customerIds))]);
    const byCustomer = new Map(rows.map((row) => [row.customerId, toForecasts(row, modelId)]));
    return {
      customers: customerIds.map((customerId) => ({ customerId, forecasts: byCustomer.get(customerId.toLowerCase()) ?? [] })),
      modelId,
    } satisfies foresight.GetForecastsResponse;
  }
}

function toForecasts({ readAt, forecast }: KeptForecast, modelId: string): foresight.TimedForecast[] {
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
