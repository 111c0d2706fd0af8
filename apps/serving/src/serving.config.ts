import { address, loadConfig, serviceShape, z } from '#libs/config';

/** Keys by their ids, newest first. */
function keysOf(text: string, complain: (message: string) => void): ReadonlyMap<string, Buffer> {
  const keys = new Map<string, Buffer>();
  for (const entry of text.split(',').filter((one) => one.trim() !== '')) {
    const [, id = '', encoded = ''] = /^\s*([A-Za-z0-9_-]{1,40})=([A-Za-z0-9+/]{43}=)\s*$/.exec(entry) ?? [];
    const key = Buffer.from(encoded, 'base64');
    if (key.length !== 32 || keys.has(id)) complain('give id=key, each id once, each key the base64 of 32 bytes (openssl rand -base64 32)');
    keys.set(id, key);
  }
  return keys;
}

const shape = {
  ...serviceShape,
  DATABASE_URL: z.string().describe('Postgres, postgresql://…'),
  REDIS_URL: z.string().describe('Redis or Valkey, redis://…'),
  ARTIFACT_URL: z.string().describe('artefact store, file:///… or s3://bucket/prefix'),
  ACCESS_ADDRESS: address().describe('gRPC of access'),
  INGESTION_ADDRESS: address().describe('gRPC of ingestion, which knows the ids that customers have outside'),
  WORKER_SCORE_ADDRESS: address().describe('gRPC of the worker in its score role'),
  FEED_POLL_MS: z.coerce.number().int().positive().default(1_000).describe('how often the feed is looked at when no hint comes'),
  SWEEP_AFTER_SECONDS: z.coerce.number().positive().default(3_600).describe('age, by the workspace clock, at which a quiet customer is read again'),
  LEASE_SECONDS: z.coerce.number().positive().default(5).describe('how long a replica that says nothing keeps its partitions of customers'),
  SCORE_DEADLINE_MS: z.coerce.number().int().positive().default(15_000).describe('how long one batch may take at the worker'),
  SCORE_FALLBACK_MS: z.coerce.number().int().positive().default(2_000).describe('how long a batch may take at the worker before it is scored in process, where the model has that form'),
  SCORE_IN_PROCESS_UP_TO: z.coerce.number().int().min(0).default(64).describe('customers of one batch up to whom they are scored in process, where the model has that form; 0: only while the worker is away'),
  WEBHOOK_PRIVATE_TARGETS: z.stringbool().default(false).describe('whether receivers of webhooks may be private addresses, and http'),
  WEBHOOK_ATTEMPTS: z.coerce.number().int().min(1).max(20).default(8).describe('attempts at a delivery before it is given up'),
  WEBHOOK_BACKOFF_MS: z.coerce.number().int().positive().default(5_000).describe('wait after a first failed attempt; four times longer each time'),
  WEBHOOK_TIMEOUT_MS: z.coerce.number().int().positive().default(10_000).describe('how long a receiver may take to answer'),
  WEBHOOK_LOG_DAYS: z.coerce.number().positive().default(30).describe('how long settled deliveries stay in the log'),
  WEBHOOKS_AT_ONCE: z.coerce.number().int().positive().default(64).describe('receivers that are sent to at the same time'),
  WEBHOOK_SECRET_KEYS: z.string().default('').transform((text, context) => keysOf(text, (message) => context.addIssue(message)))
    .describe('keys that seal the secrets of webhooks, newest first: id=base64 of 32 bytes, separated by commas; without any, one made of PRINCIPAL_SECRET'),
  EXPORT_KEEP_DAYS: z.coerce.number().positive().default(30).describe('how long the files of exports are kept'),
  EXPORT_EVERY_SECONDS: z.coerce.number().positive().default(300).describe('how close together a schedule may have a segment exported'),
  SIMILAR_EXACT_UP_TO: z.coerce.number().int().min(0).default(50_000).describe('customers up to whom all are compared to find similar ones; beyond, by an index'),
  STATE_CACHE_MIB: z.coerce.number().int().positive().default(128).describe('memory for states of customers seen lately'),
};

export const servingConfig = (environment?: NodeJS.ProcessEnv) => loadConfig(shape, environment);
export type ServingConfig = ReturnType<typeof servingConfig>;
