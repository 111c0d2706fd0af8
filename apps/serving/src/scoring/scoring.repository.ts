import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import { type Database, type Position, positionAfter, ZERO_POSITION } from '#libs/database';

import { PARTITIONS } from '../lease/partition.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';
import { type FeedEvent, FeedRepository, type FeedSpan, type Horizon } from './feed.repository.js';
import type { ScoredModel } from './scorer.js';
import { type HeldState, readQuietStates, readStates } from './state.repository.js';

/** The served model. */
export interface ServedModel extends ScoredModel {
  readonly newestEventAt: Micros | null;
  /** Times that somebody was forgotten out of its states: what was read before the last of them is void. */
  readonly erasures: number;
}

/** How far the states of a partition's customers stand. */
export interface Place {
  /** In the feed of events. */
  readonly position: Position;
  /** In the feed of subjects that went from one customer to another. */
  readonly mapping: Position;
}

/** The served model and where each of some partitions stands. */
export interface Standing {
  readonly served: ServedModel;
  readonly places: ReadonlyMap<number, Place>;
}

export interface Outset {
  readonly standing: Standing;
  /** Lasting segment of each place in the served model's bundle. */
  readonly segments: ReadonlyMap<number, string>;
}

/** What there is to do. */
export interface Glance {
  readonly served: ServedModel | undefined;
  readonly events: readonly FeedEvent[];
  readonly horizon: Horizon;
  /** Subjects went from one customer to another after a place. */
  readonly hasMoves: boolean;
}

export const ALL_PARTITIONS: readonly number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition);

const SERVED = `select m.model_id as "modelId", m.uri, m.hash, a.fence::float8 as fence, ${microsSql('m.newest_event_at')} as "newestEventAt", m.erasures,
    exists (select from ingestion.mapping_feed_v1 f where (f.horizon, f.sequence) > ($1::bigint, $2::bigint)) as "hasMoves"
  from serving.active_model a join serving.shadow_models m using (workspace_id, model_id)`;
/** Of the model $2, or of the served one where that is null. */
const PLACES = `select r.partition, coalesce(p.position_horizon, m.position_horizon)::float8 as horizon,
    coalesce(p.position_sequence, m.position_sequence)::float8 as sequence,
    coalesce(p.mapping_horizon, m.mapping_horizon)::float8 as "mappingHorizon", coalesce(p.mapping_sequence, m.mapping_sequence)::float8 as "mappingSequence"
  from serving.shadow_models m cross join unnest($1::smallint[]) as r(partition)
    left join serving.partition_positions p on p.workspace_id = m.workspace_id and p.model_id = m.model_id and p.partition = r.partition
  where m.model_id = coalesce($2::uuid, (select a.model_id from serving.active_model a))`;
const SEGMENTS = `select segment_index as index, segment_id as id from serving.segment_versions where model_id = (select a.model_id from serving.active_model a)`;
/** Beside the served one: prepared, and not served. No fence is theirs. */
const SHADOW = `select m.model_id as "modelId", m.uri, m.hash, 0::float8 as fence, ${microsSql('m.newest_event_at')} as "newestEventAt", m.erasures
  from serving.shadow_models m
  where m.model_id = $1 and m.prepared_at is not null and not exists (select from serving.active_model a where a.model_id = m.model_id)`;

/** What scoring reads. */
@Injectable()
export class ScoringRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly feed: FeedRepository,
  ) {}

  /** What there is to do after a span begins, in one round trip. */
  glance(workspaceId: string, span: FeedSpan, mapping: Position, limit: number): Promise<Glance> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [horizon, { served, hasMoves }, events] = await Promise.all([
        this.feed.horizon(client),
        readServed(client, mapping),
        this.feed.within(client, span, limit),
      ]);
      return { served, hasMoves, horizon, events };
    });
  }

  /** Undefined where no model is served. */
  standing(workspaceId: string, partitions: readonly number[]): Promise<Standing | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [{ served }, places] = await Promise.all([readServed(client, ZERO_POSITION), readPlaces(client, partitions)]);
      return served && { served, places };
    });
  }

  /** What a term of reading begins with, in one round trip; undefined where no model is served. */
  outset(workspaceId: string, partitions: readonly number[]): Promise<Outset | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      // A switch between two of them makes the first commit void.
      const [{ served }, places, segments] = await Promise.all([readServed(client, ZERO_POSITION), readPlaces(client, partitions), readSegments(client)]);
      return served && { standing: { served, places }, segments };
    });
  }

  /** Where a model stands that is prepared beside the served one; undefined where it is not. */
  shadow(workspaceId: string, modelId: string): Promise<Standing | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [{ rows: [served] }, places] = await Promise.all([client.query<ServedModel>(SHADOW, [modelId]), readPlaces(client, ALL_PARTITIONS, modelId)]);
      return served && { served, places };
    });
  }

  states(workspaceId: string, modelId: string, customerIds: readonly string[]): Promise<HeldState[]> {
    return this.database.onConnection(workspaceId, (client) => readStates(client, modelId, customerIds));
  }

  quiet(workspaceId: string, modelId: string, partitions: readonly number[], due: { now: Micros; age: Micros; limit: number }): Promise<HeldState[]> {
    return this.database.onConnection(workspaceId, (client) => readQuietStates(client, modelId, partitions, due));
  }
}

async function readServed(client: PoolClient, mapping: Position): Promise<Pick<Glance, 'served' | 'hasMoves'>> {
  const { rows } = await client.query<ServedModel & { hasMoves: boolean }>({ name: 'served', text: SERVED, values: [mapping.horizon, mapping.sequence] });
  const { hasMoves = false, ...served } = rows[0] ?? {};
  return { hasMoves, served: rows[0] && (served as ServedModel) };
}

async function readPlaces(client: PoolClient, partitions: readonly number[], modelId: string | null = null): Promise<Map<number, Place>> {
  const { rows } = await client.query<Position & { partition: number; mappingHorizon: number; mappingSequence: number }>(PLACES, [partitions, modelId]);
  return new Map(
    rows.map(({ partition, horizon, sequence, mappingHorizon, mappingSequence }) => [
      partition,
      { position: { horizon, sequence }, mapping: { horizon: mappingHorizon, sequence: mappingSequence } },
    ]),
  );
}

async function readSegments(client: PoolClient): Promise<Map<number, string>> {
  const { rows } = await client.query<{ index: number; id: string }>(SEGMENTS);
  return new Map(rows.map(({ index, id }) => [index, id]));
}

/** The one that lies furthest back. */
export function leastOf(positions: readonly Position[]): Position {
  return positions.reduce((least, position) => (positionAfter(least, position) ? position : least), positions[0] ?? ZERO_POSITION);
}
