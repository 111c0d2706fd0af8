import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { drawingOf, partsOf } from '../segment/drawing.sql.js';
import { DATABASE } from '../store.js';
import { isoOf, type Micros, microsSql } from '../time/micros.js';

export interface EmbeddingRow {
  readonly customerId: string;
  /** Little-endian float32. */
  readonly embedding: Buffer;
}

/** What is served, as far as neighbours depend on it. */
export interface ServedSpace {
  readonly modelId: string;
  readonly newestEventAt: Micros | null;
  /** Counts what was forgotten. */
  readonly erasures: number;
}

const CHUNK = 5_000;

@Injectable()
export class SimilarRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  served(workspaceId: string): Promise<ServedSpace | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ServedSpace>(
        `select model_id as "modelId", ${microsSql('newest_event_at')} as "newestEventAt", erasures
         from serving.active_model join serving.shadow_models using (workspace_id, model_id)`,
      );
      return rows[0];
    });
  }

  /** As they are now; absent ones are left out. */
  embeddings(workspaceId: string, modelId: string, customerIds: readonly string[]): Promise<EmbeddingRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<EmbeddingRow>(
        `select customer_id as "customerId", embedding from serving.customer_states where model_id = $1 and customer_id = any($2::uuid[]) and length(embedding) > 0`,
        [modelId, customerIds],
      );
      return rows;
    });
  }

  hasSegment(workspaceId: string, segmentId: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query('select from serving.segments where id = $1', [segmentId])).rowCount === 1);
  }

  /** Current members of a segment, an even sample of at most so many that is the same again while the same are there. */
  members(workspaceId: string, segmentId: string, most: number): Promise<string[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        `select distinct customer_id as id, uuid_hash_extended(customer_id, 0) from serving.memberships m
         where until is null and (segment_id = $1 or finer_segment_id = $1
           or segment_id in (select p.id from (${drawingOf('$1')}) as v, lateral (${partsOf('v')}) as p(id) where v.level = 'COARSER'))
         order by uuid_hash_extended(customer_id, 0), customer_id limit $2`,
        [segmentId, most],
      );
      return rows.map(({ id }) => id);
    });
  }

  /** Every embedding of a model, in pieces. */
  async *all(workspaceId: string, modelId: string): AsyncGenerator<EmbeddingRow[]> {
    for (let after: string | null = null; ; ) {
      const rows: EmbeddingRow[] = await this.chunk<EmbeddingRow>(
        workspaceId,
        `select customer_id as "customerId", embedding from serving.customer_states
         where model_id = $1 and ($2::uuid is null or customer_id > $2) and length(embedding) > 0 order by customer_id limit ${CHUNK}`,
        [modelId, after],
      );
      yield rows;
      after = rows.at(-1)?.customerId ?? null;
      if (rows.length < CHUNK) return;
    }
  }

  /** Embeddings read at a time or later, in pieces. */
  async *since(workspaceId: string, modelId: string, since: Micros): AsyncGenerator<EmbeddingRow[]> {
    for (let [at, after]: [string, string | null] = [isoOf(since), null]; ; ) {
      const rows: (EmbeddingRow & { readAt: Micros })[] = await this.chunk(
        workspaceId,
        `select customer_id as "customerId", embedding, ${microsSql('s.read_at')} as "readAt" from serving.customer_states s
         where model_id = $1 and s.read_at >= $2 and ($3::uuid is null or (s.read_at, customer_id) > ($2, $3)) order by s.read_at, customer_id limit ${CHUNK}`,
        [modelId, at, after],
      );
      yield rows.filter(({ embedding }) => embedding.length > 0);
      const last = rows.at(-1);
      if (!last || rows.length < CHUNK) return;
      [at, after] = [isoOf(last.readAt), last.customerId];
    }
  }

  /** Those of the ids that a model does not hold, in pieces. */
  async *absent(workspaceId: string, modelId: string, customerIds: readonly string[]): AsyncGenerator<string[]> {
    for (let from = 0; from < customerIds.length; from += CHUNK) {
      const rows = await this.chunk<{ id: string }>(
        workspaceId,
        `select id from unnest($2::uuid[]) as id where not exists (select from serving.customer_states s where s.model_id = $1 and s.customer_id = id)`,
        [modelId, customerIds.slice(from, from + CHUNK)],
      );
      yield rows.map(({ id }) => id);
    }
  }

  private chunk<Row extends object>(workspaceId: string, text: string, values: unknown[]): Promise<Row[]> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<Row>(text, values)).rows);
  }
}
