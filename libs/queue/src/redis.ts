import { Redis } from 'ioredis';

/** Hash-tagged, so that every key of a queue lies in one slot of a cluster. */
export const QUEUE_PREFIX = '{kindred}';

/**
 * `worker`: waits for ever, as BullMQ wants of consumers. `producer`: fails fast, so that a request is
 * answered while Redis is away.
 */
export type RedisUse = 'worker' | 'producer';

export function openRedis(url: string, use: RedisUse): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: use === 'worker' ? null : 1,
    enableOfflineQueue: use === 'worker',
    connectTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000),
  });
  // ioredis reconnects by itself; commands report their own failures.
  redis.on('error', () => undefined);
  return redis;
}
