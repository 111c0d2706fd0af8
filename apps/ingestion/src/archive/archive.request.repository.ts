import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';
import { type Attempt, StaleAttempt } from '#libs/queue';

import { type Cut, isoMicros } from '../page.js';

export type ArchiveRequestKind = 'ARCHIVE' | 'REPLAY' | 'RESTORE';
export type ArchiveRequestState = 'QUEUED' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';

export interface ArchiveRequestRow {
  id: string;
  kind: ArchiveRequestKind;
  state: ArchiveRequestState;
  requested_by: string;
  archive_before: string | null;
  drop_before: string | null;
  archive_id: string | null;
  into_workspace_id: string | null;
  keep_days: number | null;
  done_horizon: string;
  done_sequence: string;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  fence: number;
  cancel_requested: boolean;
  events_total: string;
  events_done: string;
  events_stored: string;
  events_duplicate: string;
  events_rejected: string;
  error: string;
}

export type NewArchiveRequest = { readonly id: string; readonly requestedBy: string } & (
  | { readonly kind: 'ARCHIVE'; readonly archiveBefore: string; readonly dropBefore: string | null }
  | { readonly kind: 'REPLAY'; readonly archiveId: string; readonly intoWorkspaceId: string }
  | { readonly kind: 'RESTORE'; readonly archiveId: string; readonly keepDays: number }
);

export interface Replayed {
  readonly horizon: string;
  readonly sequence: string;
  readonly events: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
}

const COLUMNS = `id, kind, state, requested_by, ${isoMicros('archive_before')} AS archive_before, ${isoMicros('drop_before')} AS drop_before, archive_id,
  into_workspace_id, keep_days, done_horizon, done_sequence, ${isoMicros('created_at')} AS created_at, ${isoMicros('started_at')} AS started_at,
  ${isoMicros('finished_at')} AS finished_at, fence, cancel_requested, events_total, events_done, events_stored, events_duplicate, events_rejected, error`;
const OURS = `workspace_id = $1 AND id = $2 AND fence = $3 AND state = 'RUNNING'`;

/** Rows of requests; `open_archive_requests` follows them in the same transactions. */
export class ArchiveRequestRepository {
  constructor(private readonly database: Database) {}

  /** Undefined: another request archives this workspace's events already, or restores this archive. */
  async insert(workspaceId: string, request: NewArchiveRequest): Promise<ArchiveRequestRow | undefined> {
    const [before, drop] = request.kind === 'ARCHIVE' ? [request.archiveBefore, request.dropBefore] : [null, null];
    const archive = request.kind === 'ARCHIVE' ? null : request.archiveId;
    const [into, keep] = [request.kind === 'REPLAY' ? request.intoWorkspaceId : null, request.kind === 'RESTORE' ? request.keepDays : null];
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ArchiveRequestRow>(
        `INSERT INTO ingestion.archive_requests (workspace_id, id, kind, state, requested_by, archive_before, drop_before, archive_id, into_workspace_id, keep_days)
         VALUES ($1, $2, $3, 'QUEUED', $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
        [workspaceId, request.id, request.kind, request.requestedBy, before, drop, archive, into, keep],
      );
      if (rows[0]) await client.query('INSERT INTO ingestion.open_archive_requests (workspace_id, id) VALUES ($1, $2)', [workspaceId, request.id]);
      return rows[0];
    });
  }

  async find(workspaceId: string, id: string): Promise<ArchiveRequestRow | undefined> {
    return this.one(workspaceId, `SELECT ${COLUMNS} FROM ingestion.archive_requests WHERE workspace_id = $1 AND id = $2`, [id]);
  }

  /** The request that restores an archive, or did. */
  async restoring(workspaceId: string, archiveId: string): Promise<ArchiveRequestRow | undefined> {
    return this.one(
      workspaceId,
      `SELECT ${COLUMNS} FROM ingestion.archive_requests
       WHERE workspace_id = $1 AND kind = 'RESTORE' AND archive_id = $2 AND state IN ('QUEUED', 'RUNNING', 'SUCCEEDED') ORDER BY id DESC LIMIT 1`,
      [archiveId],
    );
  }

  /** Newest first; one row more than the page, and how many there are in all. */
  async list(workspaceId: string, { rows, after }: Cut): Promise<{ rows: ArchiveRequestRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const found = await client.query<ArchiveRequestRow>(
        `SELECT ${COLUMNS} FROM ingestion.archive_requests WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
        [workspaceId, after?.[0] ?? null, rows + 1],
      );
      const counted = await client.query<{ total: string }>('SELECT count(*) AS total FROM ingestion.archive_requests WHERE workspace_id = $1', [workspaceId]);
      return { rows: found.rows, total: Number(counted.rows[0]?.total) };
    });
  }

  /** Over all workspaces. */
  async open(): Promise<{ workspaceId: string; requestId: string }[]> {
    const { rows } = await this.database.pool.query<{ workspace_id: string; id: string }>('SELECT workspace_id, id FROM ingestion.open_archive_requests ORDER BY id LIMIT 1000');
    return rows.map(({ workspace_id, id }) => ({ workspaceId: workspace_id, requestId: id }));
  }

  /** Begins an attempt, which ends the right of any earlier one to write; undefined: the request has ended. */
  async begin(workspaceId: string, id: string): Promise<ArchiveRequestRow | undefined> {
    return this.one(
      workspaceId,
      `UPDATE ingestion.archive_requests SET state = 'RUNNING', fence = fence + 1, started_at = coalesce(started_at, now())
       WHERE workspace_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING') RETURNING ${COLUMNS}`,
      [id],
    );
  }

  /** Asks a running request to stop, ends a waiting one at once; undefined: it had ended before. */
  async cancel(workspaceId: string, id: string): Promise<ArchiveRequestRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `UPDATE ingestion.archive_requests SET cancel_requested = true,
          state = CASE state WHEN 'QUEUED' THEN 'CANCELLED' ELSE state END, finished_at = CASE state WHEN 'QUEUED' THEN now() END
        WHERE workspace_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING') RETURNING ${COLUMNS}`;
      const [row] = (await client.query<ArchiveRequestRow>(sql, [workspaceId, id])).rows;
      if (row?.state === 'CANCELLED') await close(client, workspaceId, id);
      return row;
    });
  }

  /** How many events are still to do, beside those that earlier attempts did. */
  async setRemaining({ workspaceId, id, fence }: Attempt, events: number): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(`UPDATE ingestion.archive_requests SET events_total = events_done + $4 WHERE ${OURS}`, [workspaceId, id, fence, events]);
      if (rowCount !== 1) throw new StaleAttempt();
    });
  }

  /** In the transaction that moves the events. */
  async addMoved(client: PoolClient, { workspaceId, id, fence }: Attempt, events: number): Promise<void> {
    const { rowCount } = await client.query(`UPDATE ingestion.archive_requests SET events_done = events_done + $4 WHERE ${OURS}`, [workspaceId, id, fence, events]);
    if (rowCount !== 1) throw new StaleAttempt();
  }

  /** In the last statement of the transaction that stores a page, wherever that is stored. */
  async addReplayed(client: PoolClient, { workspaceId, id, fence }: Attempt, page: Replayed): Promise<void> {
    await client.query(`SELECT set_config('app.workspace', $1, true)`, [workspaceId]);
    const { rowCount } = await client.query(
      `UPDATE ingestion.archive_requests SET done_horizon = $4, done_sequence = $5, events_done = events_done + $6, events_stored = events_stored + $7,
         events_duplicate = events_duplicate + $8, events_rejected = events_rejected + $9 WHERE ${OURS}`,
      [workspaceId, id, fence, page.horizon, page.sequence, page.events, page.stored, page.duplicate, page.rejected],
    );
    if (rowCount !== 1) throw new StaleAttempt();
  }

  async end({ workspaceId, id, fence }: Attempt, state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED', error = ''): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      const sql = `UPDATE ingestion.archive_requests SET state = $4, error = $5, finished_at = now() WHERE ${OURS}`;
      if ((await client.query(sql, [workspaceId, id, fence, state, error])).rowCount !== 1) throw new StaleAttempt();
      await close(client, workspaceId, id);
    });
  }

  private async one(workspaceId: string, sql: string, values: readonly unknown[]): Promise<ArchiveRequestRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<ArchiveRequestRow>(sql, [workspaceId, ...values])).rows[0]);
  }
}

async function close(client: PoolClient, workspaceId: string, id: string): Promise<void> {
  await client.query('DELETE FROM ingestion.open_archive_requests WHERE workspace_id = $1 AND id = $2', [workspaceId, id]);
}
