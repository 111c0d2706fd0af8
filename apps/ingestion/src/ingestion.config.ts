import { tmpdir } from 'node:os';

import { address, loadConfig, serviceShape, z } from '#libs/config';

const MIB = 1024 * 1024;

/** What ingestion reads from the environment. */
export const ingestionConfig = () =>
  loadConfig({
    ...serviceShape,
    DATABASE_URL: z.string().describe('Postgres, as a login that may assume kindred_ingestion'),
    REDIS_URL: z.string().describe('Redis or Valkey, for hints of new events'),
    ARTIFACT_URL: z.string().describe('artefact store, file:///… or s3://bucket/prefix'),
    ACCESS_ADDRESS: address().describe('gRPC address of access, for keys and settings'),
    SERVING_ADDRESS: address().describe('gRPC address of serving, which forgets whom ingestion erases'),
    TRAINING_ADDRESS: address().describe('gRPC address of training, which knows what models learned from'),
    INTAKE_MAX_BODY_BYTES: z.coerce.number().int().min(4 * MIB).default(16 * MIB).describe('hard size of one request'),
    INTAKE_MAX_PENDING_BYTES: z.coerce.number().int().default(96 * MIB).describe('requests held at once; above it callers get 429. As much again for messages of streams; above it they wait'),
    INTAKE_MAX_STREAMS: z.coerce.number().int().positive().default(64).describe('gRPC streams of events open at once; each may hold a message of 1 MiB beside the bound above, and receive one of 8 MiB that is then refused'),
    INTAKE_KEY_EVENTS_PER_SECOND: z.coerce.number().int().positive().default(100_000).describe('what one key may send to one replica; above it its callers get 429'),
    INTAKE_BODY_SECONDS: z.coerce.number().positive().default(30).describe('a client that has not sent its whole body by then is let go'),
    INTAKE_MAX_PENDING_EVENTS: z.coerce.number().int().default(50_000).describe('events waiting for a commit; above it callers get 429'),
    LEDGER_RECONCILE_SECONDS: z.coerce.number().positive().default(60).describe('how often the ledger is recounted from the data'),
    IDENTITY_MAX_SUBJECTS: z.coerce.number().int().min(1).default(500).describe('user and anonymous ids that one customer may have'),
    IDENTITY_MAX_MERGES_PER_DAY: z.coerce.number().int().min(1).default(50).describe('ids that one customer may take in on one day of events'),
    ARCHIVE_SETTLE_SECONDS: z.coerce.number().int().min(0).default(86_400).describe('events that arrived later than this long ago are not archived yet; longer than a run takes'),
    UPLOAD_KEEP_DAYS: z.coerce.number().positive().default(30).describe('uploaded files are removed so long after their last import ended, or, where none read them, after they came'),
    UPLOAD_TIDY_SECONDS: z.coerce.number().positive().default(300).describe('how often uploaded files whose time is over are removed'),
    WORK_DIR: z.string().default(tmpdir()).describe('scratch space of imports and snapshots'),
    DUCKDB_MEMORY: z.string().default('512MB').describe('memory of one snapshot or archive before it spills to WORK_DIR'),
    IMPORT_MEMORY: z.string().default('256MB').describe('memory of one import before it spills to WORK_DIR, whatever the size of the file'),
  });

export type IngestionConfig = ReturnType<typeof ingestionConfig>;
