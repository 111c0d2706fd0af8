import type { Database } from '#libs/database';

import type { BlockedIds } from './blocked.ids.js';

/** What a workspace says of values that stand for no id. */
export class BlockedIdRepository {
  constructor(private readonly database: Database) {}

  async read(workspaceId: string): Promise<BlockedIds> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ value: string; is_blocked: boolean }>('SELECT value, is_blocked FROM ingestion.blocked_ids WHERE workspace_id = $1', [workspaceId]);
      return Object.fromEntries(rows.map(({ value, is_blocked }) => [value, is_blocked]));
    });
  }

  async write(workspaceId: string, value: string, isBlocked: boolean): Promise<void> {
    await this.database.onConnection(workspaceId, (client) =>
      client.query(
        `INSERT INTO ingestion.blocked_ids (workspace_id, value, is_blocked) VALUES ($1, $2, $3)
         ON CONFLICT (workspace_id, value) DO UPDATE SET is_blocked = excluded.is_blocked`,
        [workspaceId, value, isBlocked],
      ),
    );
  }
}
