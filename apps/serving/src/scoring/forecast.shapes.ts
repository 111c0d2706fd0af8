import { LRUCache } from 'lru-cache';
import type { PoolClient } from 'pg';

import { type ForecastShape, NOTHING_FORESEEN, type PackedForecast } from './packed.forecast.js';

/** As it lies in a row. */
export interface ForecastColumns {
  readonly shapeId: string | null;
  readonly values: Buffer;
}

export const FORECAST_COLUMNS = 'forecast_shape as "shapeId", forecast_values as values';

const MOST_KEPT = 1_000;
/** An id is made of its targets, whoever's they are. */
const known = new LRUCache<string, ForecastShape>({ max: MOST_KEPT });

const READ = `select id, targets from serving.forecast_shapes where id = any($1::uuid[])`;
const WRITE = `insert into serving.forecast_shapes (workspace_id, id, targets)
  select kindred.workspace(), r.id, r.targets from json_to_recordset($1::json) as r(id uuid, targets jsonb) on conflict do nothing`;

/** Rows with their forecasts; a shape that was not met before is read beside. */
export async function withForecasts<Row extends ForecastColumns>(client: PoolClient, rows: readonly Row[]): Promise<(Omit<Row, keyof ForecastColumns> & { forecast: PackedForecast })[]> {
  const missing = new Set(rows.flatMap(({ shapeId }) => (shapeId === null || known.has(shapeId) ? [] : [shapeId])));
  const shapes = new Map<string, ForecastShape>();
  if (missing.size > 0) {
    for (const shape of (await client.query<ForecastShape>(READ, [[...missing]])).rows) {
      known.set(shape.id, shape);
      shapes.set(shape.id, shape);
    }
  }
  return rows.map(({ shapeId, values, ...row }) => {
    const shape = shapeId === null ? undefined : (known.get(shapeId) ?? shapes.get(shapeId));
    return { ...row, forecast: shape ? { shape, values } : NOTHING_FORESEEN };
  });
}

/** Of states that are written in the same transaction. */
export async function writeShapes(client: PoolClient, forecasts: readonly PackedForecast[]): Promise<void> {
  const shapes = new Map(forecasts.map(({ shape }) => [shape.id, shape]));
  if (shapes.size > 0) await client.query({ name: 'write-shapes', text: WRITE, values: [JSON.stringify([...shapes.values()])] });
}
