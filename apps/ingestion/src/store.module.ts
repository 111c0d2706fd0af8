import { Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';

import { type ArtifactStore, openArtifactStore } from '#libs/artifacts';
import { type Database, openDatabase } from '#libs/database';
import { EventHistory } from '#libs/history';
import { openRedis } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from './ingestion.config.js';

export const DATABASE = Symbol('DATABASE');
export const REDIS = Symbol('REDIS');
export const ARTIFACTS = Symbol('ARTIFACTS');

/** Commits of several workspaces, an import, a snapshot, and reads beside them. */
const CONNECTIONS = 10;

@Injectable()
class StoreEnd implements OnApplicationShutdown {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(REDIS) private readonly redis: Redis,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    this.redis.disconnect();
    await this.database.close();
  }
}

/** Where ingestion keeps things. Closed last, when no request is under way any more. */
@Global()
@Module({
  providers: [
    {
      provide: DATABASE,
      inject: [SERVICE],
      useFactory: ({ config }: ServiceContext<IngestionConfig>): Database =>
        openDatabase({ url: config.DATABASE_URL, service: 'ingestion', connections: CONNECTIONS }),
    },
    {
      provide: REDIS,
      inject: [SERVICE],
      useFactory: ({ config }: ServiceContext<IngestionConfig>): Redis => openRedis(config.REDIS_URL, 'producer'),
    },
    {
      provide: ARTIFACTS,
      inject: [SERVICE],
      useFactory: ({ config }: ServiceContext<IngestionConfig>): ArtifactStore => openArtifactStore(config.ARTIFACT_URL),
    },
    { provide: EventHistory, inject: [ARTIFACTS], useFactory: (artifacts: ArtifactStore) => new EventHistory(artifacts) },
    StoreEnd,
  ],
  exports: [DATABASE, REDIS, ARTIFACTS, EventHistory],
})
export class StoreModule {}
