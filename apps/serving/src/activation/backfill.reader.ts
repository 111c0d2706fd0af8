import { DuckDBInstance } from '@duckdb/node-api';
import { validate } from 'uuid';

import type { worker } from '#libs/contracts';
import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

import { NOTHING_FORESEEN, packForecast } from '../scoring/packed.forecast.js';
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

/** Memory that reading a file of any size may take. */
const MEMORY_LIMIT = '256MB';

/** Opens a backfill: its number of rows, and the rows in pieces. Close it in any case. */
export async function openBackfill(file: string): Promise<{ rows: number; chunks(): AsyncGenerator<HeldState[]>; close(): void }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: MEMORY_LIMIT });
  const connection = await instance.connect();
  const close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    const counted = await connection.runAndReadAll('SELECT count(*)::DOUBLE FROM read_parquet($file)', { file });
    return {
      rows: Number(counted.getRows()[0]?.[0] ?? 0),
      close,
      async *chunks() {
        const result = await connection.stream(`SELECT ${COLUMNS} FROM read_parquet($file)`, { file });
        for await (const rows of result.yieldRowObjectJs()) yield rows.map(toState);
      },
    };
  } catch (error) {
    close();
    throw RpcError.invalid(`The backfill cannot be read: ${(error as Error).message}`, { reason: 'BACKFILL_INVALID', cause: error });
  }
}

function toState(raw: unknown): HeldState {
  const parsed = row.safeParse(raw);
  if (!parsed.success) throw RpcError.invalid(`A row of the backfill is not as agreed: ${z.prettifyError(parsed.error)}`, { reason: 'BACKFILL_INVALID' });
  const { customer, state, embedding, segment_index, finer_index, map_x, map_y, read_at, first_event_at, last_event_at, forecast, ...same } = parsed.data;
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

function toForecast(given: z.infer<typeof forecasts>[number]): worker.EventForecast {
  return { event: given.event, horizonDays: given.horizon_days, probability: given.probability, expectedValue: given.expected_value };
}
