import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';
import { type Attempt, StaleAttempt } from '#libs/queue';

import { type Cut, isoMicros } from '../page.js';
import type { Mapping } from './import.mapping.js';
import type { RowCounts } from './import.reader.js';

export const IMPORT_STATES = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'] as const;
export type ImportState = (typeof IMPORT_STATES)[number];

export interface ImportRow {
  id: string;
  state: ImportState;
  artifact: string;
  file_name: string;
  file_sha256: string | null;
  mapping: Mapping;
  mapping_guessed: boolean;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  rows_read: string;
  rows_total: string;
  rows_folded: string;
  rows_expected: string;
  staged_share: number;
  staged_at: string | null;
  skipped: Record<string, number>;
  rejected: Record<string, number>;
  events_stored: string;
  events_duplicate: string;
  events_rejected: string;
  events_done: string;
  fence: number;
  cancel_requested: boolean;
  error: string;
}

/** What one commit adds to an import's report. */
export interface ImportProgress {
  readonly events: number;
  readonly rows: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly rejected: number;
}

const COLUMNS = `id, state, artifact, file_name, file_sha256, mapping, mapping_guessed, ${isoMicros('created_at')} AS created_at,
  ${isoMicros('started_at')} AS started_at, ${isoMicros('finished_at')} AS finished_at, rows_read, rows_total, rows_folded, rows_expected, staged_share, ${isoMicros('staged_at')} AS staged_at, skipped, rejected,
  events_stored, events_duplicate, events_rejected, events_done, fence, cancel_requested, error`;
const OURS = `workspace_id = $1 AND id = $2 AND fence = $3 AND state = 'RUNNING'`;

/** Rows of imports; `open_imports` follows them in the same transactions. */
export class ImportRepository {
  constructor(private readonly database: Database) {}

  /** Undefined: its file is to be removed. */
  async insert(workspaceId: string, row: { id: string; artifact: string; fileName: string; mapping: Mapping; isGuessed: boolean }): Promise<ImportRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ImportRow>(
        `INSERT INTO ingestion.imports (workspace_id, id, state, artifact, file_name, mapping, mapping_guessed)
         SELECT $1::uuid, $2::uuid, 'QUEUED', $3, $4, $5::jsonb, $6::boolean
         WHERE NOT EXISTS (SELECT FROM ingestion.imports WHERE workspace_id = $1 AND artifact = $3 AND file_state = 'ENDING') RETURNING ${COLUMNS}`,
        [workspaceId, row.id, row.artifact, row.fileName, JSON.stringify(row.mapping), row.isGuessed],
      );
      if (rows[0]) await client.query('INSERT INTO ingestion.open_imports (workspace_id, id) VALUES ($1, $2)', [workspaceId, row.id]);
      return rows[0];
    });
  }

  async find(workspaceId: string, id: string): Promise<ImportRow | undefined> {
    return (await this.several(workspaceId, [id]))[0];
  }

  /** Those of them that there are, in no order. */
  async several(workspaceId: string, ids: readonly string[]): Promise<ImportRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `SELECT ${COLUMNS} FROM ingestion.imports WHERE workspace_id = $1 AND id = ANY ($2::uuid[])`;
      return (await client.query<ImportRow>(sql, [workspaceId, ids])).rows;
    });
  }

  /** Newest first; one row more than the page, and how many there are in all. */
  async list(workspaceId: string, { rows, after }: Cut): Promise<{ rows: ImportRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const found = await client.query<ImportRow>(
        `SELECT ${COLUMNS} FROM ingestion.imports WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
        [workspaceId, after?.[0] ?? null, rows + 1],
      );
      const counted = await client.query<{ total: string }>('SELECT count(*) AS total FROM ingestion.imports WHERE workspace_id = $1', [workspaceId]);
      return { rows: found.rows, total: Number(counted.rows[0]?.total) };
    });
  }

  /** Over all workspaces. */
  async open(): Promise<{ workspaceId: string; importId: string }[]> {
    const { rows } = await this.database.pool.query<{ workspace_id: string; id: string }>('SELECT workspace_id, id FROM ingestion.open_imports ORDER BY id LIMIT 1000');
    return rows.map(({ workspace_id, id }) => ({ workspaceId: workspace_id, importId: id }));
  }

  /** Begins an attempt, which ends the right of any earlier one to write; undefined: the import has ended. */
  async begin(workspaceId: string, id: string): Promise<ImportRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `UPDATE ingestion.imports SET state = 'RUNNING', fence = fence + 1, staged_share = 0, started_at = coalesce(started_at, now())
        WHERE workspace_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING') RETURNING ${COLUMNS}`;
      return (await client.query<ImportRow>(sql, [workspaceId, id])).rows[0];
    });
  }

  /** Asks a running import to stop, ends a waiting one at once; undefined: it had ended before. */
  async cancel(workspaceId: string, id: string): Promise<ImportRow | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const sql = `UPDATE ingestion.imports SET cancel_requested = true,
          state = CASE state WHEN 'QUEUED' THEN 'CANCELLED' ELSE state END, finished_at = CASE state WHEN 'QUEUED' THEN now() END
        WHERE workspace_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING') RETURNING ${COLUMNS}`;
      const [row] = (await client.query<ImportRow>(sql, [workspaceId, id])).rows;
      if (row?.state === 'CANCELLED') await close(client, workspaceId, id);
      return row;
    });
  }

  /** How far reading the file is, before anything of it is counted. */
  async markStaged(attempt: Attempt, share: number, rowsExpected: number): Promise<void> {
    await this.update(attempt, `UPDATE ingestion.imports SET staged_share = $4, rows_expected = $5 WHERE ${OURS}`, [share, rowsExpected]);
  }

  /** What the file is, once it was read. */
  async markCounted(attempt: Attempt, fileSha256: string, { total, skipped, rejected }: RowCounts): Promise<void> {
    const left = [...Object.values(skipped), ...Object.values(rejected)].reduce((sum, rows) => sum + rows, 0);
    await this.update(
      attempt,
      `UPDATE ingestion.imports SET file_sha256 = $4, rows_total = $5, rows_read = rows_folded + $6, skipped = $7, rejected = $8,
         staged_share = 1, staged_at = coalesce(staged_at, now()) WHERE ${OURS}`,
      [fileSha256, total, left, JSON.stringify(skipped), JSON.stringify(rejected)],
    );
  }

  /** In the transaction that commits the events themselves, so that a restart goes on behind exactly these. */
  async addProgress(client: PoolClient, { workspaceId, id, fence }: Attempt, progress: ImportProgress): Promise<void> {
    const { rowCount } = await client.query({
      name: 'add_import_progress',
      text: `UPDATE ingestion.imports SET events_done = events_done + $4, rows_read = rows_read + $5, rows_folded = rows_folded + $5,
          events_stored = events_stored + $6, events_duplicate = events_duplicate + $7, events_rejected = events_rejected + $8
        WHERE ${OURS}`,
      values: [workspaceId, id, fence, progress.events, progress.rows, progress.stored, progress.duplicate, progress.rejected],
    });
    if (rowCount !== 1) throw new StaleAttempt();
  }

  async end(attempt: Attempt, state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED', error = ''): Promise<void> {
    await this.update(attempt, `UPDATE ingestion.imports SET state = $4, error = $5, finished_at = now() WHERE ${OURS}`, [state, error], true);
  }

  private async update({ workspaceId, id, fence }: Attempt, sql: string, values: readonly unknown[], isEnd = false): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      const { rowCount } = await client.query(sql, [workspaceId, id, fence, ...values]);
      if (rowCount !== 1) throw new StaleAttempt();
      if (isEnd) await close(client, workspaceId, id);
    });
  }
}

async function close(client: PoolClient, workspaceId: string, id: string): Promise<void> {
  await client.query('DELETE FROM ingestion.open_imports WHERE workspace_id = $1 AND id = $2', [workspaceId, id]);
}
