import type { Database } from '#libs/database';

export interface RetentionPolicy {
  /** Days after a month's end; null: never. */
  readonly archiveAfterDays: number | null;
  readonly dropAfterDays: number | null;
}

interface PolicyRow {
  workspace_id: string;
  archive_after_days: number | null;
  drop_after_days: number | null;
}

/** What workspaces said of how long events stay where. */
export class RetentionRepository {
  constructor(private readonly database: Database) {}

  async find(workspaceId: string): Promise<RetentionPolicy> {
    const { rows } = await this.database.pool.query<PolicyRow>(
      'SELECT workspace_id, archive_after_days, drop_after_days FROM ingestion.retention_policies WHERE workspace_id = $1',
      [workspaceId],
    );
    return { archiveAfterDays: rows[0]?.archive_after_days ?? null, dropAfterDays: rows[0]?.drop_after_days ?? null };
  }

  async set(workspaceId: string, { archiveAfterDays, dropAfterDays }: RetentionPolicy, actor: string): Promise<void> {
    await this.database.pool.query(
      `INSERT INTO ingestion.retention_policies (workspace_id, archive_after_days, drop_after_days, set_by) VALUES ($1, $2, $3, $4)
       ON CONFLICT (workspace_id) DO UPDATE SET archive_after_days = excluded.archive_after_days, drop_after_days = excluded.drop_after_days,
         set_by = excluded.set_by, set_at = now()`,
      [workspaceId, archiveAfterDays, dropAfterDays, actor],
    );
  }

  /** Over all workspaces, those that let something go. */
  async all(): Promise<{ workspaceId: string; policy: RetentionPolicy }[]> {
    const { rows } = await this.database.pool.query<PolicyRow>(
      'SELECT workspace_id, archive_after_days, drop_after_days FROM ingestion.retention_policies WHERE archive_after_days IS NOT NULL',
    );
    return rows.map((row) => ({ workspaceId: row.workspace_id, policy: { archiveAfterDays: row.archive_after_days, dropAfterDays: row.drop_after_days } }));
  }
}
