import { Injectable } from '@nestjs/common';

import type { pastReading } from '#libs/contracts';
import { expectFewIds, RpcError } from '#libs/grpc';

import { toForecasts } from '../foresight/forecast.mapper.js';
import { onlyUuids } from '../page/uuid.js';
import { unpackForecast } from '../scoring/packed.forecast.js';
import { type PastReading, PastReadings } from '../scoring/past.readings.js';
import { type Micros, microsOf } from '../time/micros.js';

const MOST_CUSTOMERS = 100;

/** What a model says of customers by what they had done by a time. */
@Injectable()
export class PastReadingService {
  constructor(private readonly past: PastReadings) {}

  async read(workspaceId: string, { customerIds, asOf }: pastReading.ReadPastRequest): Promise<pastReading.ReadPastResponse> {
    expectFewIds(customerIds, MOST_CUSTOMERS);
    if (asOf === undefined) throw RpcError.invalid('asOf: give a time.', { reason: 'AS_OF_INVALID' });
    const read = await this.past.of(workspaceId, [...new Set(onlyUuids(customerIds))].map((id) => id.toLowerCase()), asOf);
    const modelId = read?.served.modelId ?? '';
    return {
      customers: customerIds.map((customerId) => toReading(customerId, read?.readings.get(customerId.toLowerCase()), microsOf(asOf), modelId)),
      modelId,
    } satisfies pastReading.ReadPastResponse;
  }
}

function toReading(customerId: string, result: PastReading | undefined, readAt: Micros, modelId: string): pastReading.PastReading {
  if (!result) return { customerId, known: false, novelty: 0, mapX: 0, mapY: 0, forecasts: [] };
  const forecast = unpackForecast(result.forecast);
  return { customerId, known: true, novelty: result.novelty, mapX: result.mapX, mapY: result.mapY, forecasts: toForecasts({ readAt, forecast }, modelId) };
}
