import type { PoolClient } from 'pg';

/** Imports whose files brought events of a person, also those whose events were known before and counted as duplicates. */
export async function importsOfEvents(client: PoolClient, workspaceId: string, subjectIds: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `WITH theirs AS (
       SELECT message_id, import_id FROM ingestion.events WHERE workspace_id = $1 AND subject_id = ANY ($2::uuid[])
     )
     SELECT import_id AS id FROM theirs WHERE import_id IS NOT NULL UNION
     SELECT substr(d.source, length('import:') + 1)::uuid FROM theirs JOIN ingestion.duplicate_events d ON d.workspace_id = $1 AND d.message_id = theirs.message_id
     WHERE d.source ~ '^import:[0-9a-f-]{36}$'`,
    [workspaceId, subjectIds],
  );
  return rows.map(({ id }) => id);
}

/** Imports whose files brought refused events or rows. */
export async function importsOfRefused(client: PoolClient, workspaceId: string, refusedIds: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT DISTINCT import_id AS id FROM ingestion.rejected_events WHERE workspace_id = $1 AND id = ANY ($2::uuid[]) AND import_id IS NOT NULL',
    [workspaceId, refusedIds],
  );
  return rows.map(({ id }) => id);
}
