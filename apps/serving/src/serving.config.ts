import { address, loadConfig, serviceShape, z } from '#libs/config';

const shape = {
  ...serviceShape,
  DATABASE_URL: z.string().describe('Postgres, postgresql://…'),
  REDIS_URL: z.string().describe('Redis or Valkey, redis://…'),
  ARTIFACT_URL: z.string().describe('artefact store, file:///…'),
  ACCESS_ADDRESS: address().describe('gRPC of access'),
  WORKER_SCORE_ADDRESS: address().describe('gRPC of the worker in its score role'),
  FEED_POLL_MS: z.coerce.number().int().positive().default(1_000).describe('how often the feed is looked at when no hint comes'),
  SWEEP_AFTER_SECONDS: z.coerce.number().positive().default(3_600).describe('age, by the workspace clock, at which a quiet customer is read again'),
  SCORE_DEADLINE_MS: z.coerce.number().int().positive().default(15_000).describe('how long one batch may take at the worker'),
  STATE_CACHE_MIB: z.coerce.number().int().positive().default(128).describe('memory for states of customers seen lately'),
};

export const servingConfig = (environment?: NodeJS.ProcessEnv) => loadConfig(shape, environment);
export type ServingConfig = ReturnType<typeof servingConfig>;
