import type { PoolClient } from 'pg';

import type { IntakeEvent } from '../event/event.js';
import type { IdentityLimits } from './identity.limits.js';
import {
  COMPLETE_SUBJECTS,
  HAS_SEEN_TOGETHER,
  INSERT_SUBJECTS,
  LOCK_MERGES,
  MERGE_ALIAS,
  MERGE_SEEN_TOGETHER,
  OPEN_ALIAS,
  OPEN_MAPPINGS,
  STAGED_ALIASES,
} from './identity.sql.js';

/** Says whom the staged, unknown events of this transaction are of. Events themselves are never changed for it. */
export async function identifyStaged(client: PoolClient, workspaceId: string, events: readonly IntakeEvent[], limits: IdentityLimits): Promise<void> {
  const { maxSubjects, maxMergesPerDay } = limits;
  const subjects = await client.query<{ made: string[]; missing: number }>({ ...INSERT_SUBJECTS, values: [workspaceId] });
  const { made, missing } = subjects.rows[0] ?? { made: [], missing: 0 };
  if (missing > 0) await client.query({ ...COMPLETE_SUBJECTS, values: [workspaceId] });
  if (made.length > 0) await client.query({ ...OPEN_MAPPINGS, values: [workspaceId, made, maxSubjects, maxMergesPerDay] });
  if (events.some(({ userId, anonymousId }) => userId !== null && anonymousId !== null)) await mergeSeenTogether(client, workspaceId, limits);
  if (events.some(({ type }) => type === 'alias')) await mergeAliases(client, workspaceId, limits);
}

async function mergeSeenTogether(client: PoolClient, workspaceId: string, { maxSubjects, maxMergesPerDay }: IdentityLimits): Promise<void> {
  const values = [workspaceId, maxSubjects, maxMergesPerDay];
  const { rows } = await client.query<{ found: boolean }>({ ...HAS_SEEN_TOGETHER, values });
  if (!rows[0]?.found) return;
  // Found once more under the lock: what another commit has merged meanwhile is no candidate any more.
  await client.query({ ...LOCK_MERGES, values: [workspaceId] });
  await client.query({ ...MERGE_SEEN_TOGETHER, values });
}

async function mergeAliases(client: PoolClient, workspaceId: string, { maxSubjects, maxMergesPerDay }: IdentityLimits): Promise<void> {
  const { rows } = await client.query<{ event_id: string; user_id: string; previous_id: string; occurred_at: string }>({
    ...STAGED_ALIASES,
    values: [workspaceId],
  });
  if (rows.length === 0) return;
  await client.query({ ...LOCK_MERGES, values: [workspaceId] });
  // One after the other: an alias may build on the one before it.
  for (const { user_id, previous_id, event_id, occurred_at } of rows) {
    const values = [workspaceId, user_id, previous_id, event_id, occurred_at, maxSubjects, maxMergesPerDay];
    await client.query({ ...OPEN_ALIAS, values });
    await client.query({ ...MERGE_ALIAS, values });
  }
}
