import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import type { ChangePlace } from '../change/change.cursor.js';
import type { PageAsked } from '../page/page.js';
import { DATABASE } from '../store.js';
import type { Sealed } from './secret.seal.js';

export type DeliveryState = 'WAITING' | 'DELIVERED' | 'DEAD';

export interface DeliveryRow {
  readonly id: string;
  readonly webhookId: string;
  readonly event: string;
  readonly customerId: string;
  /** Null where the event is of no segment. */
  readonly segmentId: string | null;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly lastAttemptAt: Date | null;
  readonly nextAttemptAt: Date;
  readonly settledAt: Date | null;
  readonly responseStatus: number | null;
  readonly error: string | null;
  /** JSON. */
  readonly body: string;
}

/** Where a webhook stands. */
export interface Standing extends Sealed {
  readonly url: string;
  /** The one from before the last rotation, while it signs too. */
  readonly previous: Sealed | null;
  readonly segmentIds: string[] | null;
  readonly events: string[];
  /** In the feed of changes. */
  readonly cursor: ChangePlace;
  /** In the feed of events; null where it is told of none. */
  readonly eventPlace: ChangePlace | null;
  readonly waiting: number;
}

/** Of deliveries that are made of what lies behind one place, up to another. */
export interface Passage {
  readonly feed: keyof typeof PLACES;
  readonly from: ChangePlace;
  readonly to: ChangePlace;
}

export interface NewDelivery {
  readonly id: string;
  readonly xid: number;
  readonly sequence: number;
  readonly part: 0 | 1;
  readonly customerId: string;
  /** Null where the event is of no segment. */
  readonly segmentId: string | null;
  readonly event: string;
  readonly body: object;
}

/** A delivery whose attempt has begun: until its time is up nobody else begins another. */
export interface Claim {
  readonly id: string;
  readonly body: string;
  readonly attempts: number;
  readonly attemptsLeft: number;
}

/** How an attempt ended. Waits for the next one `waitMs` from now; `refund` gives the attempt back. */
export interface Settlement {
  readonly id: string;
  readonly attempts: number;
  readonly state: DeliveryState;
  readonly status: number | null;
  readonly error: string | null;
  readonly waitMs: number;
  readonly refund: 0 | 1;
}

const ROW = `select id, webhook_id as "webhookId", event, customer_id as "customerId", segment_id as "segmentId", state, attempts, created_at as "createdAt",
  last_attempt_at as "lastAttemptAt", next_attempt_at as "nextAttemptAt", settled_at as "settledAt", response_status as "responseStatus", error, body::text as body
  from serving.webhook_deliveries`;

/** Of each of the webhooks $1. */
const OF_WEBHOOKS = `select d.* from unnest($1::uuid[]) as e(id) cross join lateral (
    ${ROW} where webhook_id = e.id and ($2::text is null or state = $2) and ($3::uuid is null or id < $3) order by id desc limit $4) as d
  order by e.id, d.id desc`;
const HOW_MANY = `select webhook_id as "webhookId", count(*)::float8 as total from serving.webhook_deliveries
  where webhook_id = any($1::uuid[]) and ($2::text is null or state = $2) group by webhook_id`;

/** Where a webhook stands in the feeds. */
const PLACES = { CHANGES: ['cursor_xid', 'cursor_sequence'], EVENTS: ['event_horizon', 'event_sequence'] } as const;

/** Only the first delivery of each customer that is not settled may be sent: that is their order. */
const CLAIM = `with heads as (
    select distinct on (customer_id) id, next_attempt_at from serving.webhook_deliveries
    where webhook_id = $1 and state = 'WAITING' order by customer_id, change_xid, change_sequence, part
  ), due as (select id from heads where next_attempt_at <= now() order by next_attempt_at, id limit $2)
  update serving.webhook_deliveries d set attempts = d.attempts + 1, attempts_left = d.attempts_left - 1, last_attempt_at = now(),
    next_attempt_at = now() + $3 * interval '1 ms'
  from due where d.id = due.id and d.state = 'WAITING' and d.next_attempt_at <= now()
  returning d.id, d.body::text as body, d.attempts, d.attempts_left as "attemptsLeft"`;

const SETTLE = `update serving.webhook_deliveries d set state = r.state, response_status = r.status, error = r.error,
    attempts_left = d.attempts_left + r.refund, next_attempt_at = now() + r."waitMs" * interval '1 ms',
    settled_at = case when r.state <> 'WAITING' then now() end
  from json_to_recordset($1::json) as r(id uuid, attempts int, state text, status int, error text, "waitMs" float8, refund int)
  where d.id = r.id and d.attempts = r.attempts and d.state = 'WAITING'`;

const APPEND = `insert into serving.webhook_deliveries
    (workspace_id, id, webhook_id, change_xid, change_sequence, part, customer_id, segment_id, event, body, attempts_left)
  select kindred.workspace(), r.id, $1, r.xid, r.sequence, r.part, r."customerId", r."segmentId", r.event, r.body, $2
  from json_to_recordset($3::json) as r(id uuid, xid bigint, sequence bigint, part smallint, "customerId" uuid, "segmentId" uuid, event text, body json)`;

/** Deliveries: made from changes, sent, settled, listed and sent again. */
@Injectable()
export class DeliveryRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Undefined where the webhook is gone or disabled. */
  standing(workspaceId: string, webhookId: string): Promise<Standing | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<Standing>(
        `select url, secret, secret_key_id as "secretKeyId",
           case when previous_secret_until > now() then json_build_object('secret', previous_secret, 'secretKeyId', previous_secret_key_id) end as previous, segment_ids as "segmentIds", events, array[cursor_xid, cursor_sequence]::float8[] as cursor,
           case when event_horizon is not null then array[event_horizon, event_sequence]::float8[] end as "eventPlace",
           (select count(*) from serving.webhook_deliveries d where d.webhook_id = $1 and d.state = 'WAITING')::float8 as waiting
         from serving.webhooks where id = $1 and is_enabled`,
        [webhookId],
      );
      return rows[0];
    });
  }

  segmentNames(workspaceId: string, ids: readonly string[]): Promise<Map<string, string>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ id: string; name: string }>('select id, name from serving.segments where id = any($1::uuid[])', [ids]);
      return new Map(rows.map(({ id, name }) => [id, name]));
    });
  }

  /** Makes deliveries and moves the webhook's place, both or neither; neither where somebody else has moved it meanwhile. */
  append(workspaceId: string, webhookId: string, { feed, from, to }: Passage, deliveries: readonly NewDelivery[], attempts: number): Promise<void> {
    const [horizon, sequence] = PLACES[feed];
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `update serving.webhooks set ${horizon} = $4, ${sequence} = $5 where id = $1 and is_enabled and (${horizon}, ${sequence}) = ($2::bigint, $3::bigint)`,
        [webhookId, ...from, ...to],
      );
      if (rowCount === 1 && deliveries.length > 0) await client.query(APPEND, [webhookId, attempts, JSON.stringify(deliveries)]);
    });
  }

  /** Begins attempts at up to `most` deliveries that are due, for at most `forMs`. */
  claim(workspaceId: string, webhookId: string, most: number, forMs: number): Promise<Claim[]> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<Claim>(CLAIM, [webhookId, most, forMs])).rows);
  }

  /** The result of an attempt counts only while no later one has begun. */
  async settle(workspaceId: string, settlements: readonly Settlement[]): Promise<void> {
    await this.database.onConnection(workspaceId, (client) => client.query(SETTLE, [JSON.stringify(settlements)]));
  }

  /** Takes what was settled before `days` out of the log, some at a time. */
  async forget(workspaceId: string, webhookId: string, days: number): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(
        `delete from serving.webhook_deliveries where id in (select id from serving.webhook_deliveries
           where webhook_id = $1 and settled_at < now() - $2 * interval '1 day' order by settled_at limit 1000)`,
        [webhookId, days],
      ),
    );
  }

  find(workspaceId: string, id: string): Promise<DeliveryRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<DeliveryRow>(`${ROW} where id = $1`, [id])).rows[0]);
  }

  /** Of each webhook, newest first, one row more than asked for; with how many there are where that is asked for: as many statements for many as for one. */
  ofWebhooks(
    workspaceId: string,
    webhookIds: readonly string[],
    state: DeliveryState | null,
    { first, after }: PageAsked<string>,
    withTotal: boolean,
  ): Promise<{ rows: ReadonlyMap<string, DeliveryRow[]>; totals: ReadonlyMap<string, number> }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<DeliveryRow>(OF_WEBHOOKS, [webhookIds, state, after ?? null, first + 1]);
      const counted = withTotal ? (await client.query<{ webhookId: string; total: number }>(HOW_MANY, [webhookIds, state])).rows : [];
      return { rows: Map.groupBy(rows, ({ webhookId }) => webhookId), totals: new Map(counted.map(({ webhookId, total }) => [webhookId, total])) };
    });
  }

  /** Has a settled delivery wait again, with all its attempts; false where it is not settled. */
  replay(workspaceId: string, id: string, attempts: number): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `update serving.webhook_deliveries set state = 'WAITING', attempts_left = $2, next_attempt_at = now(), settled_at = null where id = $1 and state <> 'WAITING'`,
        [id, attempts],
      );
      return rowCount === 1;
    });
  }
}
