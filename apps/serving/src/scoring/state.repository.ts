import type { PoolClient } from 'pg';

import { isoOf, type Micros, microsSql } from '../time/micros.js';
import type { Placed } from './assignment.rule.js';
import { FORECAST_COLUMNS, type ForecastColumns, withForecasts, writeShapes } from './forecast.shapes.js';
import type { PackedForecast } from './packed.forecast.js';

/** A customer as a model sees them. */
export interface HeldState extends Placed {
  readonly customerId: string;
  readonly novelty: number;
  readonly mapX: number;
  readonly mapY: number;
  readonly readAt: Micros;
  readonly events: number;
  readonly firstEventAt: Micros | null;
  readonly lastEventAt: Micros | null;
  readonly isBroken: boolean;
  readonly forecast: PackedForecast;
  /** Little-endian float32. */
  readonly embedding: Buffer;
  readonly state: Buffer;
}

const READ = `select customer_id as "customerId", segment_index as "segmentIndex", candidate_index as "candidateIndex", finer_index as "finerIndex", strength, novelty,
    map_x as "mapX", map_y as "mapY", ${microsSql('read_at')} as "readAt", events::float8 as events,
    ${microsSql('first_event_at')} as "firstEventAt", ${microsSql('last_event_at')} as "lastEventAt", is_broken as "isBroken",
    ${FORECAST_COLUMNS}, embedding, state
  from serving.customer_states`;

type StateRow = Omit<HeldState, 'forecast'> & ForecastColumns;

/** The states of some customers, in no order; absent ones are left out. */
export async function readStates(client: PoolClient, modelId: string, customerIds: readonly string[]): Promise<HeldState[]> {
  const { rows } = await client.query<StateRow>({
    name: 'read-states',
    text: `${READ} where model_id = $1 and customer_id = any($2::uuid[])`,
    values: [modelId, [...customerIds]],
  });
  return withForecasts(client, rows);
}

/**
 * Customers whose states were read at least `age` before `now`, longest ago first; else those read as far in
 * its future, which a clock that was set back leaves behind (but not for an event that is dated ahead).
 */
export async function readQuietStates(
  client: PoolClient,
  modelId: string,
  partitions: readonly number[],
  { now, age, limit }: { now: Micros; age: Micros; limit: number },
): Promise<HeldState[]> {
  const theirs = `model_id = $1 and serving.partition_of(customer_id) = any($4::int[])`;
  const old = await client.query<StateRow>(`${READ} s where ${theirs} and s.read_at < $2 order by s.read_at limit $3`, [modelId, isoOf(now - age), limit, partitions]);
  if (old.rows.length > 0) return withForecasts(client, old.rows);
  const ahead = await client.query<StateRow>(
    `${READ} s where ${theirs} and s.read_at > $2 and (last_event_at is null or last_event_at < s.read_at) order by s.read_at desc limit $3`,
    [modelId, isoOf(now + age), limit, partitions],
  );
  return withForecasts(client, ahead.rows);
}

/*
 * Scalars travel as one JSON document and all bytes as one parameter in binary form, cut apart in Postgres:
 * several times faster than arrays of hex, and unlike COPY it works under row-level security.
 */
const WRITE = `insert into serving.customer_states as held
    (workspace_id, model_id, customer_id, segment_index, candidate_index, finer_index, strength, novelty, map_x, map_y, read_at, events,
     first_event_at, last_event_at, is_broken, forecast_shape, forecast_values, embedding, state)
  select kindred.workspace(), $1, r.customer_id, r.segment_index, r.candidate_index, r.finer_index, r.strength, r.novelty, r.map_x, r.map_y,
     r.read_at, r.events, r.first_event_at, r.last_event_at, r.is_broken, r.forecast_shape,
     substring($3::bytea from r.forecast_from for r.forecast_bytes), substring($3::bytea from r.embedding_from for r.embedding_bytes), substring($3::bytea from r.state_from for r.state_bytes)
  from json_to_recordset($2::json) as r(customer_id uuid, segment_index int, candidate_index int, finer_index int, strength float8, novelty float8,
     map_x real, map_y real, read_at timestamptz, events bigint, first_event_at timestamptz, last_event_at timestamptz,
     is_broken boolean, forecast_shape uuid, forecast_from int, forecast_bytes int, embedding_from int, embedding_bytes int, state_from int, state_bytes int)
  on conflict (workspace_id, model_id, customer_id) do update set
     segment_index = excluded.segment_index, candidate_index = excluded.candidate_index, finer_index = excluded.finer_index,
     strength = excluded.strength, novelty = excluded.novelty, map_x = excluded.map_x, map_y = excluded.map_y, read_at = excluded.read_at, events = excluded.events,
     first_event_at = excluded.first_event_at, last_event_at = excluded.last_event_at, is_broken = excluded.is_broken,
     forecast_shape = excluded.forecast_shape, forecast_values = excluded.forecast_values, embedding = excluded.embedding, state = excluded.state`;

/** Writes states, each customer at most once per call. */
export async function writeStates(client: PoolClient, modelId: string, states: readonly HeldState[]): Promise<void> {
  const bytes: Buffer[] = [];
  let from = 1;
  const append = (piece: Buffer) => {
    bytes.push(piece);
    from += piece.length;
    return from - piece.length;
  };
  const rows = states.map((held) => ({
    customer_id: held.customerId,
    segment_index: held.segmentIndex,
    candidate_index: held.candidateIndex,
    finer_index: held.finerIndex,
    strength: held.strength,
    novelty: held.novelty,
    map_x: held.mapX,
    map_y: held.mapY,
    read_at: isoOf(held.readAt),
    events: held.events,
    first_event_at: held.firstEventAt === null ? null : isoOf(held.firstEventAt),
    last_event_at: held.lastEventAt === null ? null : isoOf(held.lastEventAt),
    is_broken: held.isBroken,
    forecast_shape: held.forecast.shape.id,
    forecast_from: append(held.forecast.values),
    forecast_bytes: held.forecast.values.length,
    embedding_from: append(held.embedding),
    embedding_bytes: held.embedding.length,
    state_from: append(held.state),
    state_bytes: held.state.length,
  }));
  await Promise.all([
    writeShapes(client, states.map(({ forecast }) => forecast)),
    client.query({ name: 'write-states', text: WRITE, values: [modelId, JSON.stringify(rows), Buffer.concat(bytes)] }),
  ]);
}
