import type { Redis } from 'ioredis';

import { QUEUE_PREFIX } from './redis.js';

const STREAM = `${QUEUE_PREFIX}:hints`;
const KEPT = 10_000;
const BLOCK_MS = 5_000;

/** Says that a workspace has new events. May get lost: readers catch up from their own position. */
export async function publishHint(redis: Redis, workspaceId: string): Promise<void> {
  await redis.xadd(STREAM, 'MAXLEN', '~', KEPT, '*', 'workspace', workspaceId);
}

/**
 * Workspaces with new events, as hints arrive, each at most once per batch; an empty batch every five
 * seconds without one. Uses the connection alone: give it one of its own. Ends when `signal` fires.
 */
export async function* followHints(redis: Redis, signal: AbortSignal): AsyncGenerator<ReadonlySet<string>> {
  let last = '$';
  while (!signal.aborted) {
    const reply = await redis.xread('COUNT', 1_000, 'BLOCK', BLOCK_MS, 'STREAMS', STREAM, last);
    const entries = reply?.[0]?.[1] ?? [];
    last = entries.at(-1)?.[0] ?? last;
    yield new Set(entries.map(([, fields]) => fields[1] ?? ''));
  }
}
