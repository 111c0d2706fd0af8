import { Inject, Injectable } from '@nestjs/common';

import type { novelty } from '#libs/contracts';
import type { Database, schema } from '#libs/database';

import { type ChangePlace, FIRST_PLACE } from '../change/change.cursor.js';
import type { PageAsked } from '../page/page.js';
import { lockMemberships } from '../scoring/write.lock.js';
import { DATABASE } from '../store.js';
import type { NoveltySetting } from './threshold.js';
import { type Bounds, boundsOf, changeUnusual } from './unusual.writes.js';

/** A customer's novelty by the served model; null until it has read them. */
export interface NoveltyRow {
  readonly customerId: string;
  readonly novelty: number;
  /** Null while they are not unusual. */
  readonly since: Date | null;
}

export type UnusualRow = Omit<schema.UnusualCustomer, 'workspaceId'>;

/** A change as stored, with its place in the feed. */
export type UnusualChangeRow = Omit<schema.UnusualChange, 'workspaceId' | 'xid' | 'sequence' | 'cause'> & {
  readonly xid: number;
  readonly sequence: number;
  readonly cause: 'READING' | 'PROMOTION' | 'THRESHOLD';
};

/** Of the served model; `modelId` null while none is. */
export interface ServedBounds extends Bounds {
  readonly modelId: string | null;
}

/** Newest first: when somebody became unusual (ISO 8601, to the microsecond) and who it was. */
export type UnusualPlace = readonly [string, string];

const UNUSUAL_CHANGE_COLUMNS = `xid::float8 as xid, sequence::float8 as sequence, customer_id as "customerId", is_unusual as "isUnusual", novelty, threshold, at,
  decided_at as "decidedAt", model_id as "modelId", cause`;
const SINCE = `to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const NONE: Bounds = { ordinary: undefined, setting: { quantile: null, threshold: null } };

/** Who is unusual, what was told of it, and from which novelty on one is. */
@Injectable()
export class UnusualRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  bounds(workspaceId: string): Promise<ServedBounds> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ modelId: string }>('select model_id as "modelId" from serving.active_model');
      const modelId = rows[0]?.modelId ?? null;
      return { modelId, ...(modelId === null ? NONE : await boundsOf(client, modelId)) };
    });
  }

  /** Both null: the model's own. Everyone by it from now on, in one transaction. `check` may refuse it by what is measured. */
  set(workspaceId: string, setting: NoveltySetting, check: (measured: novelty.OrdinaryNovelty | undefined, modelId: string | null) => void): Promise<void> {
    return this.database.onConnection(workspaceId, async (client) => {
      await lockMemberships(client, workspaceId);
      const { rows } = await client.query<{ modelId: string }>('select model_id as "modelId" from serving.active_model');
      const modelId = rows[0]?.modelId ?? null;
      check(modelId === null ? undefined : (await boundsOf(client, modelId)).ordinary, modelId);
      if (setting.quantile === null && setting.threshold === null) await client.query('delete from serving.novelty_settings');
      else {
        await client.query(
          `insert into serving.novelty_settings (workspace_id, quantile, threshold) values (kindred.workspace(), $1, $2)
           on conflict (workspace_id) do update set quantile = excluded.quantile, threshold = excluded.threshold, changed_at = now()`,
          [setting.quantile, setting.threshold],
        );
      }
      if (modelId !== null) await changeUnusual(client, modelId, 'THRESHOLD');
    });
  }

  /** Of whom the served model has read. */
  ofCustomers(workspaceId: string, customerIds: readonly string[]): Promise<NoveltyRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<NoveltyRow>(
        `select s.customer_id as "customerId", s.novelty, u.since
         from serving.active_model a join serving.customer_states s using (workspace_id, model_id)
           left join serving.unusual_customers u using (workspace_id, customer_id)
         where s.customer_id = any($1::uuid[])`,
        [customerIds],
      );
      return rows;
    });
  }

  /** The latest first, one row more than asked for, and how many there are; each as last read, where the served model has read them. */
  list(workspaceId: string, { first, after }: PageAsked<UnusualPlace>): Promise<{ rows: (UnusualRow & { place: string })[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<UnusualRow & { place: string; total: number }>(
        `with counted as (select count(*)::float8 as total from serving.unusual_customers), page as (
           select customer_id as "customerId", since, ${SINCE} as place, novelty, is_told as "isTold", model_id as "modelId" from serving.unusual_customers
           where $1::timestamptz is null or (since, customer_id) < ($1, $2::uuid) order by since desc, customer_id desc limit $3)
         select "customerId", since, place, "isTold", coalesce(s.novelty, page.novelty) as novelty, coalesce(s.model_id, page."modelId") as "modelId", total
         from counted left join page on true left join serving.active_model a on true
           left join serving.customer_states s on s.model_id = a.model_id and s.customer_id = page."customerId"
         order by since desc, "customerId" desc`,
        [after?.[0] ?? null, after?.[1] ?? null, first + 1],
      );
      return { rows: rows.filter(({ customerId }) => customerId !== null), total: rows[0]?.total ?? 0 };
    });
  }

  /** The place of the newest change. */
  head(workspaceId: string): Promise<ChangePlace> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ xid: number; sequence: number }>(
        `select xid::float8 as xid, sequence::float8 as sequence from serving.unusual_changes c order by c.workspace_id desc, c.xid desc, c.sequence desc limit 1`,
      );
      return rows[0] ? ([rows[0].xid, rows[0].sequence] as const) : FIRST_PLACE;
    });
  }

  /** Oldest first. */
  after(workspaceId: string, place: ChangePlace, customerId: string | null, limit: number): Promise<UnusualChangeRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<UnusualChangeRow>(
        `select ${UNUSUAL_CHANGE_COLUMNS} from serving.unusual_changes c
         where ($1::uuid is null or customer_id = $1) and (c.xid, c.sequence) > ($2::bigint, $3::bigint) order by c.xid, c.sequence limit $4`,
        [customerId, place[0], place[1], limit],
      );
      return rows;
    });
  }
}
