import { Injectable } from '@nestjs/common';

import type { foresight } from '#libs/contracts';
import { expectFewIds } from '#libs/grpc';

import { onlyUuids } from '../page/uuid.js';
import { toForecasts } from './forecast.mapper.js';
import { ForesightRepository } from './foresight.repository.js';

/** Likely events with times, from the forecasts that are kept with the states. */
@Injectable()
export class ForecastService {
  constructor(private readonly kept: ForesightRepository) {}

  async ofCustomers(workspaceId: string, { customerIds }: foresight.GetForecastsRequest): Promise<foresight.GetForecastsResponse> {
    expectFewIds(customerIds);
    const { modelId, rows } = await this.kept.forecasts(workspaceId, [...new Set(onlyUuids(customerIds))]);
    const byCustomer = new Map(rows.map((row) => [row.customerId, toForecasts(row, modelId)]));
    return {
      customers: customerIds.map((customerId) => ({ customerId, forecasts: byCustomer.get(customerId.toLowerCase()) ?? [] })),
      modelId,
    } satisfies foresight.GetForecastsResponse;
  }
}
