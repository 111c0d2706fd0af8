export { openRedis, QUEUE_PREFIX, type RedisUse } from './redis.js';
export { followHints, publishHint } from './hints.js';
