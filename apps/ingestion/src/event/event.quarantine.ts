import pRetry from 'p-retry';
import type { PoolClient } from 'pg';

import type { IntakeEvent, IntakeItem, Rejection } from './event.js';
import { isDataRefused, isPassing } from './event.failure.js';
import { rejectionOf } from './event.rejection.js';
import { writeViolations } from './event.violations.js';
import type { EventStore, StoredBatch } from './event.store.js';

export type Outcome = 'STORED' | 'DUPLICATE' | 'REJECTED';

/** What became of one item; a rejection says why. */
export interface ItemResult {
  readonly outcome: Outcome;
  readonly rejection?: Rejection;
}

export interface Destination {
  readonly workspaceId: string;
  readonly source: string;
  readonly importId?: string;
  /** What is replayed lies in quarantine already: refused by the store, it is told so and not kept a second time. */
  readonly isReplay?: boolean;
  /** As of EventBatch. */
  readonly isRepeatable?: boolean;
}

/** Runs in the transaction of the items that it is given. */
export type Within<Item> = (client: PoolClient, stored: StoredBatch, items: readonly Item[]) => Promise<void>;

/**
 * Commits items together. Where Postgres refuses the data, halves are tried until the events that it refuses
 * stand alone, in quarantine: one hostile event never fails its neighbours. One result per item, in order.
 */
export async function writeItems<Item extends { readonly item: IntakeItem }>(
  store: EventStore,
  to: Destination,
  items: readonly Item[],
  within?: Within<Item>,
): Promise<ItemResult[]> {
  try {
    return await writeOnce(store, to, items, within);
  } catch (error) {
    if (!isDataRefused(error)) throw error;
    const only = items[0];
    if (items.length === 1 && only && 'event' in only.item) {
      const item = refused(only.item.event, error);
      return to.isReplay ? [{ outcome: 'REJECTED', rejection: item.rejection }] : writeOnce(store, to, [{ ...only, item }], within);
    }
    if (items.length < 2) throw error;
    const middle = items.length >> 1;
    const before = await writeItems(store, to, items.slice(0, middle), within);
    return [...before, ...(await writeItems(store, to, items.slice(middle), within))];
  }
}

async function writeOnce<Item extends { readonly item: IntakeItem }>(
  store: EventStore,
  to: Destination,
  items: readonly Item[],
  within: Within<Item> | undefined,
): Promise<ItemResult[]> {
  const events = items.flatMap(({ item }) => ('event' in item ? [item.event] : []));
  const rejections = items.flatMap(({ item }) => ('rejection' in item ? [item.rejection] : []));
  const hasViolations = items.some(({ item }) => item.violations);
  const beside = async (client: PoolClient, stored: StoredBatch) => {
    if (hasViolations) await writeViolations(client, to, items.map(({ item }) => item), stored.isStored);
    await within?.(client, stored, items);
  };
  const commit = () => store.write({ ...to, events, rejections }, within || hasViolations ? beside : undefined);
  const stored = await pRetry(commit, { retries: 5, minTimeout: 5, randomize: true, shouldRetry: ({ error }) => isPassing(error) });
  let next = 0;
  return items.map(({ item }) => {
    if ('rejection' in item) return { outcome: 'REJECTED', rejection: item.rejection };
    const ordinal = next++;
    const rejection = stored.refused.get(ordinal);
    return rejection ? { outcome: 'REJECTED', rejection } : { outcome: stored.isStored[ordinal] ? 'STORED' : 'DUPLICATE' };
  });
}

function refused(event: IntakeEvent, error: unknown): { rejection: Rejection } {
  return { rejection: rejectionOf(event, 'STORE_REFUSED', `The event store refused it: ${(error as Error).message}`) };
}
