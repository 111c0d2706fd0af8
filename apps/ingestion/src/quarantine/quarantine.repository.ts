import type { PoolClient } from 'pg';
import { v7 as uuid } from 'uuid';

import type { Database } from '#libs/database';

import { INSERT_LEDGER } from '../event/event.sql.js';
import { type RejectedFilter, type RejectedRow, rejectedColumns, SHOWN_PAYLOAD_BYTES, type RejectedState } from '../event/event.repository.js';
import type { EventType } from '../event/event.js';
import { isoMicros } from '../page.js';

/** What one refused event is decoded from again. */
export interface ReplayRow {
  id: string;
  unit: 'EVENT' | 'ROW';
  state: RejectedState;
  source: string;
  import_id: string | null;
  received_at: Date;
  call_type: EventType | null;
  sent_at: Date | null;
  batch_context: string | null;
  /** Mended, or as it came; null where it is too large to be an event. */
  payload: Buffer | null;
  is_mended: boolean;
  mended_at: string | null;
  outcome: 'STORED' | 'DUPLICATE' | null;
  stored_message_id: string | null;
  /** Of a row of a file that is as it came: how many rows before it say the very same; else null. */
  twins: string | null;
}

export interface GroupRow {
  reason: string;
  source: string;
  count: string;
  first_seen_at: string;
  last_seen_at: string;
  example_id: string;
}

/** What a replay made of one row, and the row as it was when it was read. */
export interface Resolution {
  readonly row: ReplayRow;
  readonly outcome: 'STORED' | 'DUPLICATE';
  readonly messageId: string;
}

/** Another call resolved or mended one of these meanwhile. */
export class ReplayOvertaken extends Error {}

/** An event of 1 MiB, the most that any source allows, with all that JSON may write longer. */
const MOST_PAYLOAD_BYTES = 4 * 1024 * 1024;
const WHOLE_PAYLOAD_BYTES = 1024 * 1024;

/** What was refused, and what becomes of it. */
export class QuarantineRepository {
  constructor(private readonly database: Database) {}

  /** Most first, each with its latest one, and how many groups there are. */
  async groups(workspaceId: string, state: RejectedState, first: number): Promise<{ groups: (GroupRow & { example: RejectedRow })[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<GroupRow & { total: string }>(
        `SELECT g.*, (
           SELECT r.id FROM ingestion.rejected_events r
           WHERE r.workspace_id = $1 AND r.state = $2 AND r.reason = g.reason AND r.source = g.source ORDER BY r.received_at DESC, r.id DESC LIMIT 1) AS example_id
         FROM (
           SELECT reason, source, count(*) AS count, ${isoMicros('min(received_at)')} AS first_seen_at, ${isoMicros('max(received_at)')} AS last_seen_at, count(*) OVER () AS total
           FROM ingestion.rejected_events WHERE workspace_id = $1 AND state = $2
           GROUP BY reason, source ORDER BY count(*) DESC, reason, source LIMIT $3) g`,
        [workspaceId, state, first],
      );
      const examples = await client.query<RejectedRow>(
        `SELECT ${rejectedColumns(SHOWN_PAYLOAD_BYTES)} FROM ingestion.rejected_events WHERE workspace_id = $1 AND id = ANY ($2)`,
        [workspaceId, rows.map(({ example_id }) => example_id)],
      );
      const byId = new Map(examples.rows.map((row) => [row.id, row]));
      const groups = rows.flatMap((row) => {
        const example = byId.get(row.example_id);
        return example ? [{ ...row, example }] : [];
      });
      return { groups, total: Number(rows[0]?.total ?? 0) };
    });
  }

  async find(workspaceId: string, id: string): Promise<RejectedRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `SELECT ${rejectedColumns(WHOLE_PAYLOAD_BYTES)} FROM ingestion.rejected_events WHERE workspace_id = $1 AND id = $2`;
      return (await client.query<RejectedRow>(sql, [workspaceId, id])).rows[0];
    });
  }

  /** Ids of open ones, oldest first. */
  async openIds(workspaceId: string, { reason, source }: Omit<RejectedFilter, 'state'>, after: string | undefined, first: number): Promise<string[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        `SELECT id FROM ingestion.rejected_events
         WHERE workspace_id = $1 AND state = 'OPEN' AND ($2 = '' OR reason = $2) AND ($3 = '' OR source = $3) AND ($4::uuid IS NULL OR id > $4)
         ORDER BY id LIMIT $5`,
        [workspaceId, reason, source, after ?? null, first],
      );
      return rows.map(({ id }) => id);
    });
  }

  async countOpen(workspaceId: string, { reason, source }: Omit<RejectedFilter, 'state'>, ids: readonly string[]): Promise<number> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ count: string }>(
        `SELECT count(*) FROM ingestion.rejected_events
         WHERE workspace_id = $1 AND state = 'OPEN' AND ($2 = '' OR reason = $2) AND ($3 = '' OR source = $3) AND (cardinality($4::uuid[]) = 0 OR id = ANY ($4))`,
        [workspaceId, reason, source, ids],
      );
      return Number(rows[0]?.count);
    });
  }

  /** In any order; unknown ids are left out. */
  async read(workspaceId: string, ids: readonly string[]): Promise<ReplayRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ReplayRow>(
        `SELECT id, unit, state, source, import_id, received_at, call_type, sent_at, batch_context, ${isoMicros('mended_at')} AS mended_at, mended_at IS NOT NULL AS is_mended, outcome, stored_message_id,
           CASE WHEN unit = 'ROW' AND mended_at IS NULL THEN (
             SELECT count(*) FROM ingestion.rejected_events e
             WHERE e.workspace_id = r.workspace_id AND e.import_id = r.import_id AND e.unit = 'ROW' AND md5(e.payload) = md5(r.payload) AND e.line < r.line) END AS twins,
           CASE WHEN octet_length(coalesce(mended_payload, payload)) <= ${MOST_PAYLOAD_BYTES} THEN coalesce(mended_payload, payload) END AS payload
         FROM ingestion.rejected_events r WHERE workspace_id = $1 AND id = ANY ($2)`,
        [workspaceId, ids],
      );
      return rows;
    });
  }

  /** False: it is not open any more. */
  async mend(workspaceId: string, id: string, payload: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE ingestion.rejected_events SET mended_payload = $3, mended_at = clock_timestamp() WHERE workspace_id = $1 AND id = $2 AND state = 'OPEN'`,
        [workspaceId, id, Buffer.from(payload)],
      );
      return rowCount === 1;
    });
  }

  /** In the transaction that stores the events: all of them, or ReplayOvertaken and none. */
  async resolve(client: PoolClient, workspaceId: string, actor: string, source: string, resolutions: readonly Resolution[]): Promise<void> {
    const column = <T>(of: (resolution: Resolution) => T): T[] => resolutions.map(of);
    const { rowCount } = await client.query(
      `UPDATE ingestion.rejected_events r
       SET state = 'REPLAYED', outcome = u.outcome, stored_message_id = u.message_id, resolved_at = now(), resolved_by = $2
       FROM unnest($3::uuid[], $4::text[], $5::text[], $6::timestamptz[]) AS u (id, outcome, message_id, mended_at)
       WHERE r.workspace_id = $1 AND r.id = u.id AND r.state = 'OPEN' AND r.mended_at IS NOT DISTINCT FROM u.mended_at`,
      [workspaceId, actor, column(({ row }) => row.id), column(({ outcome }) => outcome), column(({ messageId }) => messageId), column(({ row }) => row.mended_at)],
    );
    if (rowCount !== resolutions.length) throw new ReplayOvertaken();
    await takeOutOfRejected(client, workspaceId, source, resolutions);
  }

  /** How many were open. */
  async discard(workspaceId: string, actor: string, ids: readonly string[], note: string): Promise<number> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE ingestion.rejected_events SET state = 'DISCARDED', resolved_at = now(), resolved_by = $2, note = $4
         WHERE workspace_id = $1 AND id = ANY ($3) AND state = 'OPEN'`,
        [workspaceId, actor, ids, note],
      );
      return rowCount ?? 0;
    });
  }
}

/**
 * The counterpart of what the store counts: a replay is no arrival, so what it stores is taken out of the received
 * and rejected ones of the moment it arrived. Rows of files were in neither.
 */
async function takeOutOfRejected(client: PoolClient, workspaceId: string, source: string, resolutions: readonly Resolution[]): Promise<void> {
  const moments = new Map<string, number>();
  for (const { row } of resolutions) {
    if (row.unit === 'EVENT') moments.set(row.received_at.toISOString(), (moments.get(row.received_at.toISOString()) ?? 0) - 1);
  }
  if (moments.size === 0) return;
  const none = [...moments].map(() => 0);
  await client.query({ ...INSERT_LEDGER, values: [workspaceId, source, [...moments.keys()], none.map(() => uuid()), none, none, [...moments.values()]] });
}
