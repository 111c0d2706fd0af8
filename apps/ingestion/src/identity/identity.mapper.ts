import { identity } from '#libs/contracts';

import { BLOCKED_EVERYWHERE, type BlockedIds, isBlocked, isBlockedEverywhere } from './blocked.ids.js';
import type { MergeRow } from './merge.repository.js';

export function mergeOf(row: MergeRow): identity.CustomerMerge {
  const { event } = row;
  return {
    id: row.id,
    cause: identity.MergeCause[row.cause],
    from: row.from_kind === 'USER' ? { userId: row.from_external_id, anonymousId: '' } : { userId: '', anonymousId: row.from_external_id },
    into: { userId: row.into_external_id, anonymousId: '' },
    fromCustomerId: row.from_customer_id,
    intoCustomerId: row.into_customer_id,
    event: event
      ? { id: event.id, type: event.type, name: event.name, occurredAt: row.occurred_at, receivedAt: event.received_at, properties: event.properties, messageId: event.message_id }
      : undefined,
    occurredAt: row.occurred_at,
    mergedAt: row.created_at,
    undoneAt: row.undone_at ?? undefined,
    undoneBy: row.undone_by ?? '',
  } satisfies identity.CustomerMerge;
}

export function blockedIdOf(value: string, own: BlockedIds): identity.BlockedId {
  return { value, blocked: isBlocked(value, own), everywhere: isBlockedEverywhere(value) } satisfies identity.BlockedId;
}

/** Those of everywhere and the workspace's own, in order; a blank value is no id anyway. */
export function blockedIdsOf(own: BlockedIds): identity.BlockedId[] {
  const values = new Set([...BLOCKED_EVERYWHERE, ...Object.keys(own)]);
  return [...values].filter((value) => value !== '').sort().map((value) => blockedIdOf(value, own));
}
