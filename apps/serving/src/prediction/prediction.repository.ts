import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import type { LiveHeadPlace } from '../onnx/live.head.js';
import { shareMemberships } from '../scoring/write.lock.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';
import type { SaidOfCustomer } from './prediction.file.js';
import type { Said } from './said.js';

export interface PredictionRow extends Said {
  readonly customerId: string;
  readonly labelSetId: string;
  readonly headId: string;
  readonly asOf: Micros;
  /** Read from the present state; else written when the head was trained. */
  readonly live: boolean;
}

/** A served head with a live form. */
export interface LiveHeadRow extends SpeakingHead, LiveHeadPlace {}

/** What scoring keeps of a customer. */
export interface KeptState {
  readonly customerId: string;
  readonly state: Buffer;
  readonly lastEventAt: Micros | null;
}

/** A head of a label set. */
export interface SpeakingHead {
  readonly labelSetId: string;
  readonly headId: string;
}

/** Rows of what heads say: loaded beside what is served, switched to in one statement. */
@Injectable()
export class PredictionRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** By the served heads, as it was written for everyone. */
  async written(workspaceId: string, customerIds: readonly string[]): Promise<PredictionRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<PredictionRow>({
        name: 'predictions',
        text: `select p.customer_id as "customerId", p.label_set_id as "labelSetId", p.head_id as "headId", p.value::float8 as value, p.low::float8 as low, p.high::float8 as high,
            ${microsSql('h.as_of')} as "asOf", false as live
          from serving.predictions p join serving.served_heads h using (workspace_id, label_set_id, head_id)
          where p.customer_id = any($1::uuid[])`,
        values: [customerIds],
      });
      return rows;
    });
  }

  async liveHeads(workspaceId: string): Promise<LiveHeadRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<LiveHeadRow>(
        'select label_set_id as "labelSetId", head_id as "headId", live_uri as uri, live_sha256 as sha256 from serving.served_heads where live_uri is not null',
      );
      return rows;
    });
  }

  /** By the served model, with the time of the newest event that it has seen; whom it has not read is left out. */
  async states(workspaceId: string, customerIds: readonly string[]): Promise<{ newestEventAt: Micros | null; states: KeptState[] }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const served = await client.query<{ newestEventAt: Micros | null }>(
        `select ${microsSql('newest_event_at')} as "newestEventAt" from serving.active_model join serving.shadow_models using (workspace_id, model_id)`,
      );
      const { rows } = await client.query<KeptState>({
        name: 'states-to-predict',
        text: `select s.customer_id as "customerId", s.state, ${microsSql('s.last_event_at')} as "lastEventAt"
          from serving.active_model a join serving.customer_states s using (workspace_id, model_id)
          where s.customer_id = any($1::uuid[]) and length(s.state) > 0 and not s.is_broken`,
        values: [customerIds],
      });
      return { newestEventAt: served.rows[0]?.newestEventAt ?? null, states: rows };
    });
  }

  /** The head that speaks for a label set now. */
  async servedHead(workspaceId: string, labelSetId: string): Promise<string | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ id: string }>('select head_id as id from serving.served_heads where label_set_id = $1', [labelSetId]);
      return rows[0]?.id;
    });
  }

  /**
   * What a head says of some customers, beside what is served. Whom serving does not know is left out: a customer who was
   * forgotten since the head read them does not come back.
   */
  async add(workspaceId: string, { labelSetId, headId }: SpeakingHead, said: readonly SaidOfCustomer[]): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      await shareMemberships(client, workspaceId);
      await client.query(
        `insert into serving.predictions (workspace_id, customer_id, head_id, label_set_id, value, low, high)
         select $1, s.customer, $2, $3, s.value, s.low, s.high from unnest($4::uuid[], $5::real[], $6::real[], $7::real[]) as s (customer, value, low, high)
         where exists (select from serving.active_model a join serving.customer_states c using (workspace_id, model_id) where c.customer_id = s.customer)
         on conflict (workspace_id, customer_id, head_id) do update set value = excluded.value, low = excluded.low, high = excluded.high`,
        [workspaceId, headId, labelSetId, said.map(({ customerId }) => customerId), said.map(({ value }) => value), said.map(({ low }) => low), said.map(({ high }) => high)],
      );
    });
  }

  /** From here on the head speaks for its label set, unless a later one does; what others said goes. Answers the customers it speaks of. */
  async serve(workspaceId: string, { labelSetId, headId }: SpeakingHead, asOf: Date, live: LiveHeadPlace | undefined): Promise<number> {
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(
        `insert into serving.served_heads (workspace_id, label_set_id, head_id, as_of, live_uri, live_sha256) values ($1, $2, $3, $4, $5, $6)
         on conflict (workspace_id, label_set_id)
         do update set head_id = excluded.head_id, as_of = excluded.as_of, live_uri = excluded.live_uri, live_sha256 = excluded.live_sha256
         where served_heads.head_id < excluded.head_id`,
        [workspaceId, labelSetId, headId, asOf, live?.uri ?? null, live?.sha256 ?? null],
      );
      await client.query(
        `delete from serving.predictions p using serving.served_heads h
         where p.workspace_id = h.workspace_id and p.label_set_id = h.label_set_id and p.label_set_id = $1 and p.head_id < h.head_id`,
        [labelSetId],
      );
      const { rows } = await client.query<{ customers: string }>('select count(*) as customers from serving.predictions where label_set_id = $1 and head_id = $2', [labelSetId, headId]);
      return Number(rows[0]?.customers);
    });
  }

  async drop(workspaceId: string, labelSetId: string): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      await client.query('delete from serving.served_heads where label_set_id = $1', [labelSetId]);
      await client.query('delete from serving.predictions where label_set_id = $1', [labelSetId]);
    });
  }
}
