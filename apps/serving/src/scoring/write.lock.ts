import type { PoolClient } from 'pg';

/*
 * Two locks of a workspace, freed by the end of the transaction, always taken in this order:
 *
 * memberships: group commits share it, for each writes customers of partitions that nobody else writes; what
 * changes everyone (an activation, forgetting) has it alone, so that it never happens in the midst of one.
 *
 * changes: whoever adds to membership_changes has it alone, and gives what it adds the place (newest
 * transaction there is, sequence). The order of places is then the order of commits: what a watcher read up to
 * a place, nothing that commits later comes before.
 */
const MEMBERSHIPS = `hashtextextended('kindred.serving.memberships:' || $1, 0)`;
const CHANGES = `hashtextextended('kindred.serving.changes:' || $1, 0)`;

/** Beside other group commits. */
export async function shareMemberships(client: PoolClient, workspaceId: string): Promise<void> {
  await client.query({ name: 'share-memberships', text: `select pg_advisory_xact_lock_shared(${MEMBERSHIPS})`, values: [workspaceId] });
}

/** Alone, changes included. */
export async function lockMemberships(client: PoolClient, workspaceId: string): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(${MEMBERSHIPS}), pg_advisory_xact_lock(${CHANGES})`, [workspaceId]);
}

/** As late as can be: from here on other group commits of the workspace wait. */
export async function lockChanges(client: PoolClient, workspaceId: string): Promise<void> {
  await client.query({ name: 'lock-changes', text: `select pg_advisory_xact_lock(${CHANGES})`, values: [workspaceId] });
}

/** Place of a change in the order of commits; only under the lock of changes. */
export const CHANGE_PLACE = 'pg_snapshot_xmax(pg_current_snapshot())::text::bigint';
