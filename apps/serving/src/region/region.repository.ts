import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { region } from '#libs/contracts';
import type { Database } from '#libs/database';

import { DATABASE } from '../store.js';
import type { Region } from './region.js';
import { REGION_COLUMNS, type RegionRow } from './region.writes.js';

export interface EmbeddingRow {
  readonly customerId: string;
  readonly embedding: Buffer;
}

/** A region, and how far everyone was looked at since it was drawn. */
export interface StoredRegion extends RegionRow {
  readonly examples: string[];
  readonly modelId: string | null;
  readonly looked: number;
  readonly lookedUpTo: string | null;
  readonly isBuilt: boolean;
  /** It is another model that drew it last, so that everyone is looked at. */
  readonly byPromotion: boolean;
  readonly changedAt: Date;
  /** Customers that its model has read; null where it is not drawn. */
  readonly customers: number | null;
}

const STORED = `select ${REGION_COLUMNS}, examples, model_id as "modelId", looked::float8 as looked, looked_up_to as "lookedUpTo", is_built as "isBuilt", by_promotion as "byPromotion", changed_at as "changedAt",
    (select customers::float8 from serving.shadow_models m where m.model_id = r.model_id) as customers
  from serving.segment_regions r`;
const EVENLY = `order by uuid_hash_extended(customer_id, 0), customer_id`;
const STATES = `select customer_id as "customerId", embedding from serving.customer_states`;

@Injectable()
export class RegionRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  within<Result>(workspaceId: string, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    return this.database.onConnection(workspaceId, work);
  }

  async servedModel(client: PoolClient): Promise<string | undefined> {
    return (await client.query<{ id: string }>(`select model_id as id from serving.active_model`)).rows[0]?.id;
  }

  async all(client: PoolClient): Promise<StoredRegion[]> {
    return (await client.query<StoredRegion>(`${STORED} order by segment_id`)).rows;
  }

  async insert(client: PoolClient, segmentId: string, examples: readonly string[], threshold: number): Promise<void> {
    await client.query(`insert into serving.segment_regions (workspace_id, segment_id, examples, threshold) values (kindred.workspace(), $1, $2, $3)`, [
      segmentId, examples, threshold,
    ]);
  }

  /** Everyone is looked at again. */
  async moveThreshold(client: PoolClient, segmentId: string, threshold: number): Promise<void> {
    await client.query(
      `update serving.segment_regions set threshold = $2, looked = 0, looked_up_to = null, is_built = false, by_promotion = false, changed_at = now() where segment_id = $1`,
      [segmentId, threshold],
    );
  }

  /** In another space, or around others: everyone is looked at again. `byPromotion`: another model drew it before. */
  async redraw(client: PoolClient, segmentId: string, modelId: string, { width, points, crowd, reach, densest, usual }: Region, byPromotion: boolean): Promise<void> {
    await client.query(
      `update serving.segment_regions set model_id = $2, width = $3, points = $4, crowd = $5, reach = $6, densest = $7, usual = $8,
         looked = 0, looked_up_to = null, is_built = false, by_promotion = $9 where segment_id = $1`,
      [segmentId, modelId, width, bytesOf(points), bytesOf(crowd), reach, densest, usual, byPromotion],
    );
  }

  async looked(client: PoolClient, segmentId: string, { customers, upTo, isAll }: { customers: number; upTo: string | null; isAll: boolean }): Promise<void> {
    await client.query(`update serving.segment_regions set looked = looked + $2, looked_up_to = $3, is_built = $4 where segment_id = $1`, [
      segmentId, customers, upTo, isAll,
    ]);
  }

  /** The next customers in the order of their ids. */
  async next(client: PoolClient, modelId: string, after: string | null, limit: number): Promise<EmbeddingRow[]> {
    const { rows } = await client.query<EmbeddingRow>(`${STATES} where model_id = $1 and ($2::uuid is null or customer_id > $2) order by customer_id limit $3`, [
      modelId, after, limit,
    ]);
    return rows;
  }

  async embeddings(client: PoolClient, modelId: string, customerIds: readonly string[]): Promise<EmbeddingRow[]> {
    const { rows } = await client.query<EmbeddingRow>(`${STATES} where model_id = $1 and customer_id = any($2::uuid[]) and length(embedding) > 0 ${EVENLY}`, [modelId, customerIds]);
    return rows;
  }

  /** So many, evenly drawn, the same again while they are there. */
  async sample(client: PoolClient, modelId: string, limit: number): Promise<EmbeddingRow[]> {
    return (await client.query<EmbeddingRow>(`${STATES} where model_id = $1 and length(embedding) > 0 ${EVENLY} limit $2`, [modelId, limit])).rows;
  }

  async population(client: PoolClient, modelId: string): Promise<number> {
    const { rows } = await client.query<{ count: number }>(`select count(*)::float8 as count from serving.customer_states where model_id = $1 and length(embedding) > 0`, [modelId]);
    return rows[0]?.count ?? 0;
  }

  /** Customers within an area of the map that this model draws, evenly drawn where there are more. */
  async inLasso(client: PoolClient, modelId: string, corners: readonly region.MapPlace[], limit: number): Promise<string[]> {
    const polygon = `(${corners.map(({ x, y }) => `(${x},${y})`).join(',')})`;
    const { rows } = await client.query<{ id: string }>(
      `select customer_id as id from serving.customer_states where model_id = $1 and $2::polygon @> point(map_x, map_y) ${EVENLY} limit $3`,
      [modelId, polygon, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Members of whom the served model holds nothing. */
  async membersWithoutState(client: PoolClient, segmentId: string, modelId: string): Promise<string[]> {
    const { rows } = await client.query<{ id: string }>(
      `select customer_id as id from serving.memberships m where segment_id = $1 and until is null
         and not exists (select from serving.customer_states s where s.model_id = $2 and s.customer_id = m.customer_id)`,
      [segmentId, modelId],
    );
    return rows.map(({ id }) => id);
  }
}

function bytesOf(floats: Float32Array): Buffer {
  return Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);
}
