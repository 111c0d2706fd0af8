import { address, loadConfig, serviceShape, z } from '#libs/config';

const shape = {
  ...serviceShape,
  DATABASE_URL: z.string().describe('Postgres, postgresql://…'),
  REDIS_URL: z.string().describe('Redis or Valkey, redis://…'),
  ARTIFACT_URL: z.string().describe('artefact store, file:///… or s3://bucket/prefix'),
  INGESTION_ADDRESS: address().describe('gRPC of ingestion'),
  SERVING_ADDRESS: address().describe('gRPC of serving'),
  WORKER_TRAIN_ADDRESS: address().describe('gRPC of the worker in its train role'),
  PROMOTION: z.enum(['AUTOMATIC', 'PERSON']).default('AUTOMATIC').describe('who promotes an approved model after the first'),
  PEER_ABSENCE_SECONDS: z.coerce.number().positive().default(600).describe('how long a run waits for a worker or service that is away'),
  RUN_CONCURRENCY: z.coerce.number().int().positive().default(4).describe('steps of different workspaces that this process drives at once'),
  CODE_VERSION: z.string().default('0.1.0').describe('kept with every run'),
};

export const trainingConfig = () => loadConfig(shape);
export type TrainingConfig = ReturnType<typeof trainingConfig>;
