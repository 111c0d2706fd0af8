import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import { WorkspaceSettings } from '../workspace/workspace.settings.js';
import { SnapshotController } from './snapshot.controller.js';
import { SnapshotRepository } from './snapshot.repository.js';
import { SnapshotService } from './snapshot.service.js';

@Module({
  controllers: [SnapshotController],
  providers: [
    { provide: SnapshotRepository, inject: [DATABASE], useFactory: (database: Database) => new SnapshotRepository(database) },
    {
      provide: SnapshotService,
      inject: [SnapshotRepository, ARTIFACTS, WorkspaceSettings, SERVICE],
      useFactory: (repository: SnapshotRepository, artifacts: ArtifactStore, settings: WorkspaceSettings, { config, log }: ServiceContext<IngestionConfig>) =>
        new SnapshotService(repository, artifacts, settings, { workDir: config.WORK_DIR, memory: config.DUCKDB_MEMORY }, log),
    },
  ],
})
export class SnapshotModule {}
