import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

/** The artefact lies among uploads: nothing else is ever ended here. */
const IS_UPLOAD = `split_part(i.artifact, '/', 2) = 'uploads'`;

/** How many files an erasure ends. */
export interface EndedFiles {
  /** That are removed at once. */
  readonly free: number;
  /** That an import is still to read: they are removed when it has ended. */
  readonly inUse: number;
}

/** What imports say of the uploaded files that they read: a file is KEPT, is ENDING once it is to be removed, and then GONE. */
export class UploadRepository {
  constructor(private readonly database: Database) {}

  /** Ends the files of some imports, and the same files where they were uploaded again, in the caller's transaction. */
  async endOf(client: PoolClient, workspaceId: string, importIds: readonly string[]): Promise<EndedFiles> {
    const { rows } = await client.query<{ free: string; in_use: string }>(
      `WITH named AS (
         SELECT artifact, file_sha256 FROM ingestion.imports WHERE workspace_id = $1 AND id = ANY ($2::uuid[])
       ), found AS (
         SELECT artifact FROM named UNION
         SELECT o.artifact FROM named JOIN ingestion.imports o ON o.workspace_id = $1 AND o.file_sha256 = named.file_sha256
       ), ending AS (
         UPDATE ingestion.imports i SET file_state = 'ENDING' FROM found
         WHERE i.workspace_id = $1 AND i.artifact = found.artifact AND i.file_state = 'KEPT' AND ${IS_UPLOAD} RETURNING i.artifact, i.finished_at
       )
       SELECT count(*) FILTER (WHERE NOT in_use) AS free, count(*) FILTER (WHERE in_use) AS in_use
       FROM (SELECT bool_or(finished_at IS NULL) AS in_use FROM ending GROUP BY artifact) files`,
      [workspaceId, importIds],
    );
    return { free: Number(rows[0]?.free ?? 0), inUse: Number(rows[0]?.in_use ?? 0) };
  }

  /** Ends files whose last import ended before. */
  async endBefore(workspaceId: string, before: Date): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      await client.query(
        `UPDATE ingestion.imports i SET file_state = 'ENDING' WHERE i.workspace_id = $1 AND i.file_state = 'KEPT' AND i.finished_at < $2 AND ${IS_UPLOAD} AND NOT EXISTS (
           SELECT FROM ingestion.imports o WHERE o.workspace_id = $1 AND o.artifact = i.artifact AND (o.finished_at IS NULL OR o.finished_at >= $2))`,
        [workspaceId, before],
      );
    });
  }

  /** Files to be removed now: no import is to read them any more. */
  async ending(workspaceId: string): Promise<string[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ artifact: string }>(
        `SELECT DISTINCT artifact FROM ingestion.imports i WHERE workspace_id = $1 AND file_state = 'ENDING' AND NOT EXISTS (
           SELECT FROM ingestion.imports o WHERE o.workspace_id = $1 AND o.artifact = i.artifact AND o.finished_at IS NULL)`,
        [workspaceId],
      );
      return rows.map(({ artifact }) => artifact);
    });
  }

  async markGone(workspaceId: string, artifact: string): Promise<void> {
    await this.database.onConnection(workspaceId, async (client) => {
      await client.query(`UPDATE ingestion.imports SET file_state = 'GONE' WHERE workspace_id = $1 AND artifact = $2 AND file_state = 'ENDING'`, [workspaceId, artifact]);
    });
  }

  /** Of some folders of uploads those that no import is known to have read, or to be about to. */
  async unused(workspaceId: string, folders: readonly string[]): Promise<string[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ folder: string }>(
        `SELECT folder FROM unnest($2::text[]) AS folder WHERE NOT EXISTS (
           SELECT FROM ingestion.imports WHERE workspace_id = $1 AND file_state <> 'GONE' AND starts_with(artifact, folder || '/'))`,
        [workspaceId, folders],
      );
      return rows.map(({ folder }) => folder);
    });
  }
}
