import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { DATABASE } from '../store.js';

export interface EmbeddingRow {
  readonly customerId: string;
  /** Little-endian float32. */
  readonly embedding: Buffer;
}

const CHUNK = 5_000;

@Injectable()
export class SimilarRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  servedModel(workspaceId: string): Promise<string | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ modelId: string }>(`select model_id as "modelId" from serving.active_model`);
      return rows[0]?.modelId;
    });
  }

  embedding(workspaceId: string, modelId: string, customerId: string): Promise<Buffer | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<EmbeddingRow>(
        `select embedding from serving.customer_states where model_id = $1 and customer_id = $2 and length(embedding) > 0`,
        [modelId, customerId],
      );
      return rows[0]?.embedding;
    });
  }

  /** Every embedding of a model, in pieces. */
  async *all(workspaceId: string, modelId: string): AsyncGenerator<EmbeddingRow[]> {
    for (let after: string | null = null; ; ) {
      const rows: EmbeddingRow[] = await this.chunk(workspaceId, modelId, after);
      yield rows;
      after = rows.at(-1)?.customerId ?? null;
      if (rows.length < CHUNK) return;
    }
  }

  private chunk(workspaceId: string, modelId: string, after: string | null): Promise<EmbeddingRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<EmbeddingRow>(
        `select customer_id as "customerId", embedding from serving.customer_states
         where model_id = $1 and ($2::uuid is null or customer_id > $2) and length(embedding) > 0 order by customer_id limit ${CHUNK}`,
        [modelId, after],
      );
      return rows;
    });
  }
}
