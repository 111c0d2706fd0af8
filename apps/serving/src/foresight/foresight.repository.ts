import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { FORECAST_COLUMNS, type ForecastColumns, withForecasts } from '../scoring/forecast.shapes.js';
import { type Foreseen, unpackForecast } from '../scoring/packed.forecast.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';

/** The served model, and what it keeps of a customer. */
export interface ServedBundle {
  readonly modelId: string;
  readonly uri: string;
  readonly hash: string;
  readonly newestEventAt: Micros | null;
}

export interface KeptForecast {
  readonly customerId: string;
  readonly readAt: Micros;
  readonly forecast: readonly Foreseen[];
}

export interface KeptEmbedding {
  readonly customerId: string;
  /** Little-endian float32. */
  readonly embedding: Buffer;
}

const SERVED = `select m.model_id as "modelId", m.uri, m.hash, ${microsSql('m.newest_event_at')} as "newestEventAt"
  from serving.active_model a join serving.shadow_models m using (workspace_id, model_id)`;
const kept = (columns: string) => `select s.customer_id as "customerId", ${columns}
  from serving.active_model a join serving.customer_states s using (workspace_id, model_id)
  where s.customer_id = any($1::uuid[]) and length(s.state) > 0`;

@Injectable()
export class ForesightRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  served(workspaceId: string): Promise<ServedBundle | undefined> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<ServedBundle>(SERVED)).rows[0]);
  }

  forecasts(workspaceId: string, customerIds: readonly string[]): Promise<{ modelId: string; rows: KeptForecast[] }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [served, { rows }] = await Promise.all([
        client.query<{ modelId: string }>(`select model_id as "modelId" from serving.active_model`),
        client.query<Omit<KeptForecast, 'forecast'> & ForecastColumns>(kept(`${microsSql('s.read_at')} as "readAt", ${FORECAST_COLUMNS}`), [customerIds]),
      ]);
      const unpacked = (await withForecasts(client, rows)).map(({ forecast, ...row }) => ({ ...row, forecast: unpackForecast(forecast) }));
      return { modelId: served.rows[0]?.modelId ?? '', rows: unpacked };
    });
  }

  /** Of whom the served model has read; it is the one asked for, else there is nothing. */
  embeddings(workspaceId: string, modelId: string, customerIds: readonly string[]): Promise<KeptEmbedding[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<KeptEmbedding>(`${kept('s.embedding')} and s.model_id = $2`, [customerIds, modelId]);
      return rows;
    });
  }
}
