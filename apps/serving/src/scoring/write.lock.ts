import type { PoolClient } from 'pg';

/**
 * Everything that changes a workspace's memberships takes this lock first, before its transaction is given
 * an id: the order of (xid, sequence) in membership_changes is then the order of commits, and no activation
 * happens in the midst of a group commit. Freed by the end of the transaction.
 */
export async function lockMemberships(client: PoolClient, workspaceId: string): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('kindred.serving.memberships:' || $1, 0))`, [workspaceId]);
}
