import { validate } from 'uuid';

import { z } from '#libs/config';

import { openParquet, type ParquetFile } from '../parquet/parquet.file.js';
import { type Foreseen, NOTHING_FORESEEN, packForecast } from '../scoring/packed.forecast.js';
import type { HeldState } from '../scoring/state.repository.js';

/** customers.parquet, as docs/snapshot.md promises it. */
const COLUMNS = `customer::VARCHAR AS customer, state, embedding, segment_index, finer_index, strength, novelty, map_x::DOUBLE AS map_x, map_y::DOUBLE AS map_y,
  epoch_us(read_at)::DOUBLE AS read_at, events::DOUBLE AS events, epoch_us(first_event_at)::DOUBLE AS first_event_at,
  epoch_us(last_event_at)::DOUBLE AS last_event_at, to_json(forecast)::VARCHAR AS forecast`;

const row = z.object({
  customer: z.string().refine(validate, 'must be a UUID'),
  state: z.instanceof(Uint8Array),
  embedding: z.instanceof(Uint8Array),
  segment_index: z.number().int().min(-1),
  finer_index: z.number().int().min(-1),
  strength: z.number(),
  novelty: z.number(),
  map_x: z.number(),
  map_y: z.number(),
  read_at: z.number(),
  events: z.number(),
  first_event_at: z.number().nullable(),
  last_event_at: z.number().nullable(),
  forecast: z.string().nullable(),
});
const forecasts = z.array(z.object({ event: z.string(), horizon_days: z.number(), probability: z.number(), expected_value: z.number() }));

const FORM = { name: 'backfill', reason: 'BACKFILL_INVALID', columns: COLUMNS, row, memoryLimit: '256MB' };

/** The backfill of a model. */
export function openBackfill(file: string): Promise<ParquetFile<HeldState>> {
  return openParquet(file, FORM, toState);
}

function toState(raw: z.infer<typeof row>): HeldState {
  const { customer, state, embedding, segment_index, finer_index, map_x, map_y, read_at, first_event_at, last_event_at, forecast, ...same } = raw;
  return {
    ...same,
    customerId: customer,
    segmentIndex: segment_index,
    candidateIndex: null,
    finerIndex: finer_index === -1 ? null : finer_index,
    mapX: map_x,
    mapY: map_y,
    readAt: read_at,
    firstEventAt: first_event_at,
    lastEventAt: last_event_at,
    isBroken: false,
    forecast: forecast === null ? NOTHING_FORESEEN : packForecast(forecasts.parse(JSON.parse(forecast)).map(toForecast)),
    embedding: Buffer.from(embedding),
    state: Buffer.from(state),
  };
}

function toForecast(given: z.infer<typeof forecasts>[number]): Foreseen {
  return { event: given.event, horizonDays: given.horizon_days, probability: given.probability, expectedValue: given.expected_value };
}
