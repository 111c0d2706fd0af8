import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import type { ChangePlace } from '../change/change.cursor.js';
import type { PageAsked } from '../page/page.js';
import { alongTheIndex } from '../scoring/feed.repository.js';
import { DATABASE } from '../store.js';
import type { Sealed } from './secret.seal.js';
import { EVENT_ALERT } from './webhook.event.js';

export interface WebhookRow {
  readonly id: string;
  readonly url: string;
  /** Null: all. */
  readonly segmentIds: string[] | null;
  readonly events: string[];
  readonly isEnabled: boolean;
  readonly createdAt: Date;
  readonly waiting: number;
  readonly dead: number;
  /** Null where no secret but the present one signs. */
  readonly previousSecretUntil: Date | null;
}

export interface NewWebhook {
  readonly id: string;
  readonly url: string;
  readonly segmentIds: readonly string[] | null;
  readonly events: readonly string[];
  readonly sealed: Sealed;
  /** Changes after this place are told. */
  readonly cursor: ChangePlace;
  /** The newest event: those after it are told, where events are. */
  readonly eventHead: ChangePlace;
}

/** What is undefined stays as it is. */
export interface WebhookChange {
  readonly url: string | undefined;
  readonly segmentIds: readonly string[] | null | undefined;
  readonly events: readonly string[] | undefined;
  /** The newest event: where a webhook that was not told of events begins to be. */
  readonly eventHead: ChangePlace | undefined;
  readonly isEnabled: boolean | undefined;
}

/** Where a webhook holds a secret. */
export interface HeldAs {
  readonly id: string;
  readonly column: 'secret' | 'previous_secret';
}

export interface OpenWebhook {
  readonly workspaceId: string;
  readonly id: string;
}

const COUNTED = (state: string) =>
  `(select count(*) from serving.webhook_deliveries d where d.webhook_id = w.id and d.state = '${state}')::float8`;
const ROW = `select w.id, w.url, w.segment_ids as "segmentIds", w.events, w.is_enabled as "isEnabled", w.created_at as "createdAt",
  ${COUNTED('WAITING')} as waiting, ${COUNTED('DEAD')} as dead,
  case when w.previous_secret_until > now() then w.previous_secret_until end as "previousSecretUntil" from serving.webhooks w`;

/** Ordered as `alongTheIndex` would have it. */
const BEHIND_EVENTS = `select w.id from serving.webhooks w cross join lateral (
    select from ingestion.event_feed_v1 f where (f.horizon, f.sequence) > (w.event_horizon, w.event_sequence) order by f.horizon, f.sequence limit 1) as newer
  where w.is_enabled and w.event_horizon is not null`;
/** Where it stands in the feed of events; null where these `events` are of none. */
const TOLD_OF_EVENTS = (events: string, place: string) => `case when '${EVENT_ALERT}' = any(${events}::text[]) then ${place}::bigint end`;

/** Rows of webhooks; `open_webhooks` follows them in the same transactions. */
@Injectable()
export class WebhookRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** False where the workspace has `most` already. */
  insert(workspaceId: string, webhook: NewWebhook, most: number): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(`select pg_advisory_xact_lock(hashtextextended('kindred.serving.webhooks:' || $1, 0))`, [workspaceId]);
      const { rowCount } = await client.query(
        `insert into serving.webhooks (workspace_id, id, url, segment_ids, events, secret, secret_key_id, cursor_xid, cursor_sequence, event_horizon, event_sequence)
         select kindred.workspace(), $1, $2, $3, $4, $5, $6, $7, $8, ${TOLD_OF_EVENTS('$4', '$9')}, ${TOLD_OF_EVENTS('$4', '$10')} where (select count(*) from serving.webhooks) < $11`,
        [webhook.id, webhook.url, webhook.segmentIds, webhook.events, webhook.sealed.secret, webhook.sealed.secretKeyId, ...webhook.cursor, ...webhook.eventHead, most],
      );
      if (rowCount === 1) await setOpen(client, webhook.id, true);
      return rowCount === 1;
    });
  }

  /** False where there is none. */
  update(workspaceId: string, id: string, { url, segmentIds, events, eventHead, isEnabled }: WebhookChange): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ isEnabled: boolean }>(
        `update serving.webhooks set url = coalesce($2, url), segment_ids = case when $3 then $4::uuid[] else segment_ids end,
           is_enabled = coalesce($5, is_enabled), events = coalesce($6, events),
           event_horizon = ${TOLD_OF_EVENTS('coalesce($6, events)', 'coalesce(event_horizon, $7)')},
           event_sequence = ${TOLD_OF_EVENTS('coalesce($6, events)', 'coalesce(event_sequence, $8)')} where id = $1 returning is_enabled as "isEnabled"`,
        [id, url ?? null, segmentIds !== undefined, segmentIds ?? null, isEnabled ?? null, events ?? null, ...(eventHead ?? [null, null])],
      );
      if (rows[0]) await setOpen(client, id, rows[0].isEnabled);
      return rows.length === 1;
    });
  }

  /** False where there is none. */
  delete(workspaceId: string, id: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      await setOpen(client, id, false);
      return (await client.query('delete from serving.webhooks where id = $1', [id])).rowCount === 1;
    });
  }

  /** The present secret becomes the previous one for so long, or ends. False where there is none. */
  rotate(workspaceId: string, id: string, { secret, secretKeyId }: Sealed, overlapSeconds: number): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `update serving.webhooks set secret = $2, secret_key_id = $3, previous_secret = case when $4 > 0 then secret end,
           previous_secret_key_id = case when $4 > 0 then secret_key_id end, previous_secret_until = case when $4 > 0 then now() + make_interval(secs => $4) end where id = $1`,
        [id, secret, secretKeyId, overlapSeconds],
      );
      return rowCount === 1;
    });
  }

  /** Secrets that sign and that this key did not seal. */
  notSealedBy(workspaceId: string, keyId: string): Promise<(Sealed & HeldAs)[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<Sealed & HeldAs>(
        `select id, 'secret' as column, secret, secret_key_id as "secretKeyId" from serving.webhooks where secret_key_id is distinct from $1
         union all
         select id, 'previous_secret', previous_secret, previous_secret_key_id from serving.webhooks where previous_secret_until > now() and previous_secret_key_id is distinct from $1`,
        [keyId],
      );
      return rows;
    });
  }

  /** Unless somebody else did meanwhile. */
  async reseal(workspaceId: string, { id, column }: HeldAs, was: Sealed, becomes: Sealed): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(`update serving.webhooks set ${column} = $3, ${column}_key_id = $4 where id = $1 and ${column} = $2`, [id, was.secret, becomes.secret, becomes.secretKeyId]),
    );
  }

  find(workspaceId: string, id: string): Promise<WebhookRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<WebhookRow>(`${ROW} where w.id = $1`, [id])).rows[0]);
  }

  /** Newest first, one row more than asked for, and how many there are. */
  list(workspaceId: string, { first, after }: PageAsked<string>): Promise<{ rows: WebhookRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<WebhookRow>(`${ROW} where $1::uuid is null or w.id < $1 order by w.id desc limit $2`, [after ?? null, first + 1]);
      const counted = await client.query<{ total: number }>('select count(*)::float8 as total from serving.webhooks');
      return { rows, total: counted.rows[0]?.total ?? 0 };
    });
  }

  /** Those of the ids that are no segment of the workspace. */
  unknownSegments(workspaceId: string, ids: readonly string[]): Promise<string[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        'select id from unnest($1::uuid[]) as asked(id) where not exists (select from serving.segments s where s.id = asked.id)',
        [ids],
      );
      return rows.map(({ id }) => id);
    });
  }

  /** Those of the coarser and finer levels: changes are of the main one. */
  segmentsOffMainLevel(workspaceId: string, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ id: string; name: string }>(
        `select s.id, s.name from serving.segments s where s.id = any($1::uuid[]) and exists (
           select from serving.segment_versions v where v.segment_id = s.id and v.level <> 'MAIN')`,
        [ids],
      );
      return rows;
    });
  }

  /** Enabled ones over all workspaces. */
  async open(): Promise<OpenWebhook[]> {
    const { rows } = await this.database.pool.query<OpenWebhook>(`select workspace_id as "workspaceId", id from serving.open_webhooks`);
    return rows;
  }

  /** Enabled ones of a workspace that have a change or an event to look at, or a delivery that is due. */
  withWork(workspaceId: string): Promise<string[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows: busy } = await client.query<{ id: string }>(
        `select w.id from serving.webhooks w where w.is_enabled and (
           exists (select from serving.membership_changes c where (c.xid, c.sequence) > (w.cursor_xid, w.cursor_sequence))
           or exists (select from serving.unusual_changes c where (c.xid, c.sequence) > (w.cursor_xid, w.cursor_sequence))
           or exists (select from serving.webhook_deliveries d where d.webhook_id = w.id and d.state = 'WAITING' and d.next_attempt_at <= now()))`,
      );
      const [, { rows: curious }] = await Promise.all([alongTheIndex(client), client.query<{ id: string }>({ name: 'webhooks-behind-events', text: BEHIND_EVENTS })]);
      return [...new Set([...busy, ...curious].map(({ id }) => id))];
    });
  }
}

async function setOpen(client: PoolClient, id: string, isOpen: boolean): Promise<void> {
  if (isOpen) await client.query('insert into serving.open_webhooks (workspace_id, id) values (kindred.workspace(), $1) on conflict do nothing', [id]);
  else await client.query('delete from serving.open_webhooks where workspace_id = kindred.workspace() and id = $1', [id]);
}
