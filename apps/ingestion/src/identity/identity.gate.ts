import type { PoolClient } from 'pg';

import type { IntakeEvent, Rejection } from '../event/event.js';
import { rejectionOf } from '../event/event.rejection.js';
import { type BlockedIds, isBlocked } from './blocked.ids.js';

/** What of a batch may be stored, and what not, by place in the batch. */
export interface Admission {
  readonly admitted: readonly { readonly event: IntakeEvent; readonly ordinal: number }[];
  readonly refused: ReadonlyMap<number, Rejection>;
}

/**
 * Holds the workspace's identity as it is until the end of the transaction: nothing is undone or erased meanwhile.
 * Commits share it, so they do not wait for one another.
 */
const OPEN = {
  name: 'open_identity_gate',
  text: `
    SELECT pg_advisory_xact_lock_shared(hashtextextended('identity:' || $1::text, 0)),
      (SELECT coalesce(jsonb_object_agg(value, is_blocked), '{}') FROM ingestion.blocked_ids WHERE workspace_id = $1::uuid) AS blocked`,
};
/** Keeps commits out until the end of the transaction, and waits for those under way. */
export const CLOSE_IDENTITY_GATE = `SELECT pg_advisory_xact_lock(hashtextextended('identity:' || $1::text, 0))`;

/** Takes ids away that name nobody; an event that has no other is refused. */
export async function admit(client: PoolClient, workspaceId: string, events: readonly IntakeEvent[]): Promise<Admission> {
  const { rows } = await client.query<{ blocked: BlockedIds }>({ ...OPEN, values: [workspaceId] });
  const blocked = rows[0]?.blocked ?? {};
  const admitted: { event: IntakeEvent; ordinal: number }[] = [];
  const refused = new Map<number, Rejection>();
  for (const [ordinal, given] of events.entries()) {
    const event = withoutBlocked(given, blocked);
    if (event) admitted.push({ event, ordinal });
    else refused.set(ordinal, rejectionOf(given, 'ID_BLOCKED', blockedDetail(given)));
  }
  return { admitted, refused };
}

/** The same event where it names nobody wrongly; undefined where nothing is left to say whom it is of. */
function withoutBlocked(event: IntakeEvent, blocked: BlockedIds): IntakeEvent | undefined {
  const kept = (id: string | null) => (id === null || isBlocked(id, blocked) ? null : id);
  const { userId, anonymousId, previousId } = event;
  const ids = { userId: kept(userId), anonymousId: kept(anonymousId), previousId: kept(previousId) };
  if (ids.userId === userId && ids.anonymousId === anonymousId && ids.previousId === previousId) return event;
  const isOfNobody = ids.userId === null && ids.anonymousId === null && ids.previousId === null;
  // A group may be known by its own id alone.
  return isOfNobody && event.groupId === null ? undefined : { ...event, ...ids };
}

function blockedDetail({ userId, anonymousId, previousId }: IntakeEvent): string {
  const [field, value] = userId !== null ? ['userId', userId] : anonymousId !== null ? ['anonymousId', anonymousId] : ['previousId', previousId];
  return `"${field}" is "${value}", which stands for no id (docs/api/identity.md). Send the id of the person or device, or leave the field out and send "anonymousId".`;
}
