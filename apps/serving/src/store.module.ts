import { Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';

import { type ArtifactStore, openArtifactStore } from '#libs/artifacts';
import { access, ingestion, rule, worker } from '#libs/contracts';
import { type Database, openDatabase } from '#libs/database';
import { connect } from '#libs/grpc';
import { EventHistory } from '#libs/history';
import { openRedis } from '#libs/queue';
import { SERVICE } from '#libs/service';

import {
  ACCESS, type AccessClient, ARTIFACTS, type Context, DATABASE, INGESTION, type IngestionClient, REDIS, RULE_WORKER, type RuleWorkerClient, SCORE_WORKER, type ScoreWorkerClient,
} from './store.js';

/** Lookups, readers of some workspaces, one activation. */
const CONNECTIONS = 12;

@Injectable()
class StoreEnd implements OnApplicationShutdown {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(REDIS) private readonly redis: Redis,
    @Inject(ACCESS) private readonly access: AccessClient,
    @Inject(INGESTION) private readonly ingestion: IngestionClient,
    @Inject(SCORE_WORKER) private readonly scoreWorker: ScoreWorkerClient,
    @Inject(RULE_WORKER) private readonly ruleWorker: RuleWorkerClient,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.redis.disconnect();
    this.access.close();
    this.ingestion.close();
    this.scoreWorker.close();
    this.ruleWorker.close();
    await this.database.close();
  }
}

/** What serving keeps things in and asks; closed after all who use them. */
@Global()
@Module({
  providers: [
    {
      provide: DATABASE,
      inject: [SERVICE],
      useFactory: ({ config }: Context): Database =>
        openDatabase({ url: config.DATABASE_URL, service: 'serving', connections: CONNECTIONS, pipeline: true, idleTransactionMs: config.LEASE_SECONDS * 1_000 }),
    },
    { provide: ARTIFACTS, inject: [SERVICE], useFactory: ({ config }: Context): ArtifactStore => openArtifactStore(config.ARTIFACT_URL) },
    { provide: EventHistory, inject: [ARTIFACTS], useFactory: (artifacts: ArtifactStore) => new EventHistory(artifacts) },
    { provide: REDIS, inject: [SERVICE], useFactory: ({ config }: Context): Redis => openRedis(config.REDIS_URL, 'producer') },
    {
      provide: ACCESS,
      inject: [SERVICE],
      useFactory: ({ config }: Context): AccessClient => connect(access.AccessServiceService, config.ACCESS_ADDRESS),
    },
    {
      provide: INGESTION,
      inject: [SERVICE],
      useFactory: ({ config }: Context): IngestionClient => connect(ingestion.CustomerServiceService, config.INGESTION_ADDRESS),
    },
    {
      provide: SCORE_WORKER,
      inject: [SERVICE],
      useFactory: ({ config }: Context): ScoreWorkerClient => connect(worker.ScoreWorkerServiceService, config.WORKER_SCORE_ADDRESS),
    },
    {
      provide: RULE_WORKER,
      inject: [SERVICE],
      useFactory: ({ config }: Context): RuleWorkerClient => connect(rule.RuleWorkerServiceService, config.WORKER_SCORE_ADDRESS),
    },
    StoreEnd,
  ],
  exports: [DATABASE, ARTIFACTS, EventHistory, REDIS, ACCESS, INGESTION, SCORE_WORKER, RULE_WORKER],
})
export class StoreModule {}
