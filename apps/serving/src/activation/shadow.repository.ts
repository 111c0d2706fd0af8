import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { v7 as uuid } from 'uuid';

import { novelty, type serving, worker } from '#libs/contracts';
import { type Database, type Position, ZERO_POSITION } from '#libs/database';

import { onlyUuids, uuidFilter } from '../page/uuid.js';
import { type HeldState, writeStates } from '../scoring/state.repository.js';
import { lockMemberships } from '../scoring/write.lock.js';
import { DATABASE } from '../store.js';
import { isoOf, type Micros } from '../time/micros.js';
import { continuedSegments } from './segment.matching.js';

export interface ShadowModel {
  readonly hash: string;
  readonly customersSha256: string;
  readonly isPrepared: boolean;
  readonly customers: number;
}

/** Models beside the served one: their segments and everyone's states, loaded before anything is switched. */
@Injectable()
export class ShadowRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  find(workspaceId: string, modelId: string): Promise<ShadowModel | undefined> {
    return this.database.onConnection(workspaceId, (client) => this.read(client, modelId));
  }

  /**
   * The model's row and its segments with their lasting ids. What an interrupted preparation left is taken
   * over, unless it was of another file.
   */
  async register(workspaceId: string, request: serving.PrepareShadowRequest): Promise<void> {
    const { horizon, sequence }: Position = request.position ?? ZERO_POSITION;
    await this.database.onConnection(workspaceId, async (client) => {
      // Two preparations of one model, or two models that continue one segment, come one after the other.
      await lockMemberships(client, workspaceId);
      const known = await this.read(client, request.modelId);
      if (known?.isPrepared) return;
      if (known && known.customersSha256 !== request.customersSha256) {
        await client.query(`delete from serving.customer_states where model_id = $1`, [request.modelId]);
      }
      await client.query(
        `insert into serving.shadow_models as held
           (workspace_id, model_id, uri, hash, customers_sha256, champion_model_id, position_horizon, position_sequence,
            mapping_horizon, mapping_sequence, ordinary_novelty)
         values (kindred.workspace(), $1, $2, $3, $4, $5, $6, $7, $6, ${Number.MAX_SAFE_INTEGER}, $8)
         on conflict (workspace_id, model_id) do update set uri = excluded.uri, hash = excluded.hash, customers_sha256 = excluded.customers_sha256,
           champion_model_id = excluded.champion_model_id, position_horizon = excluded.position_horizon, position_sequence = excluded.position_sequence,
           mapping_horizon = excluded.mapping_horizon, mapping_sequence = excluded.mapping_sequence,
           ordinary_novelty = excluded.ordinary_novelty`,
        [
          request.modelId, request.modelUri, request.modelHash, request.customersSha256, uuidFilter(request.championModelId), horizon, sequence,
          request.ordinaryNovelty ? novelty.OrdinaryNovelty.toJSON(request.ordinaryNovelty) : null,
        ],
      );
      await this.drawSegments(client, request);
    });
  }

  async load(workspaceId: string, modelId: string, states: readonly HeldState[]): Promise<void> {
    await this.database.onConnection(workspaceId, (client) => writeStates(client, modelId, states));
  }

  /** Whoever was erased since the states were made is left out of them. */
  async finish(workspaceId: string, modelId: string, customers: number, newestEventAt: Micros | null): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      await client.query(
        `delete from serving.customer_states s using ingestion.erased_customers_v1 e where s.model_id = $1 and s.customer_id = e.customer_id`,
        [modelId],
      );
      await client.query(
        `update serving.segment_versions set typical_customer_ids = array(
           select id from unnest(typical_customer_ids) as id where not exists (select from ingestion.erased_customers_v1 e where e.customer_id = id))
         where model_id = $1`,
        [modelId],
      );
      await client.query(
        `update serving.shadow_models set prepared_at = now(), customers = $2, newest_event_at = $3 where model_id = $1 and prepared_at is null`,
        [modelId, customers, newestEventAt === null ? null : isoOf(newestEventAt)],
      );
    });
  }

  private async read(client: PoolClient, modelId: string): Promise<ShadowModel | undefined> {
    const { rows } = await client.query<ShadowModel>(
      `select hash, customers_sha256 as "customersSha256", prepared_at is not null as "isPrepared", customers::float8 as customers
       from serving.shadow_models where model_id = $1`,
      [modelId],
    );
    return rows[0];
  }

  private async drawSegments(client: PoolClient, { modelId, segments, championModelId }: serving.PrepareShadowRequest): Promise<void> {
    const own = await this.idsOf(client, modelId);
    const continued = continuedSegments(segments, await this.idsOf(client, uuidFilter(championModelId)));
    const rows = segments.map((segment) => {
      const id = own.get(segment.index) ?? continued.get(segment.index);
      return { ...toVersion(segment), segment_id: id ?? uuid(), is_born: id === undefined };
    });
    await client.query(
      `insert into serving.segments (workspace_id, id, kind, name, description)
       select kindred.workspace(), r.segment_id, 'LEARNED', r.name, r.description
       from json_to_recordset($1::json) as r(segment_id uuid, name text, description text, is_born boolean) where r.is_born`,
      [JSON.stringify(rows)],
    );
    await client.query(
      `insert into serving.segment_versions
         (workspace_id, model_id, segment_index, segment_id, name, description, stability, traits, typical_customer_ids, size_at_discovery,
          level, parent_index, rule)
       select kindred.workspace(), $1, r.segment_index, r.segment_id, r.name, r.description, r.stability, r.traits,
         array(select jsonb_array_elements_text(r.typical)::uuid), r.size, r.level, r.parent_index, r.rule
       from json_to_recordset($2::json) as r(segment_index int, segment_id uuid, name text, description text, stability float8,
         traits jsonb, typical jsonb, size bigint, level text, parent_index int, rule jsonb)
       on conflict (workspace_id, model_id, segment_index) do nothing`,
      [modelId, JSON.stringify(rows)],
    );
  }

  private async idsOf(client: PoolClient, modelId: string | null): Promise<Map<number, string>> {
    const { rows } = await client.query<{ index: number; id: string }>(
      `select segment_index as index, segment_id as id from serving.segment_versions where model_id = $1`,
      [modelId],
    );
    return new Map(rows.map(({ index, id }) => [index, id]));
  }
}

/** A worker from before there were levels draws one. */
function levelOf({ level }: worker.DiscoveredSegment): 'COARSER' | 'MAIN' | 'FINER' {
  if (level === worker.SegmentLevel.COARSER) return 'COARSER';
  return level === worker.SegmentLevel.FINER ? 'FINER' : 'MAIN';
}

function toVersion(segment: worker.DiscoveredSegment) {
  return {
    segment_index: segment.index,
    name: segment.name,
    description: segment.description,
    // The worker says 0 where nothing was measured; no partition that was measured agrees with nothing.
    stability: segment.stability > 0 ? segment.stability : null,
    traits: segment.traits,
    typical: onlyUuids(segment.typicalCustomerIds),
    size: segment.size,
    level: levelOf(segment),
    parent_index: segment.parentIndex ?? null,
    rule: segment.rule ?? null,
  };
}
