import { Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';

import { type ArtifactStore, openArtifactStore } from '#libs/artifacts';
import { type Database, openDatabase } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import { ARTIFACTS, DATABASE } from './store.js';
import type { TrainingConfig } from './training.config.js';

/** Steps of four workspaces, their reports four times a second, and requests. */
const CONNECTIONS = 6;

@Injectable()
class StoreEnd implements OnApplicationShutdown {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  onApplicationShutdown(): Promise<void> {
    return this.database.close();
  }
}

/** Where training keeps things: its database and the artefact store. Closed after all who use them. */
@Global()
@Module({
  providers: [
    {
      provide: DATABASE,
      inject: [SERVICE],
      useFactory: ({ config }: ServiceContext<TrainingConfig>): Database =>
        openDatabase({ url: config.DATABASE_URL, service: 'training', connections: CONNECTIONS }),
    },
    {
      provide: ARTIFACTS,
      inject: [SERVICE],
      useFactory: ({ config }: ServiceContext<TrainingConfig>): ArtifactStore => openArtifactStore(config.ARTIFACT_URL),
    },
    StoreEnd,
  ],
  exports: [DATABASE, ARTIFACTS],
})
export class StoreModule {}
