import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import { EventModule, type Hint, HINT } from '../event/event.module.js';
import { EventStore } from '../event/event.store.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { JobReconciler } from '../job/job.reconciler.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { TrackingPlanModule } from '../tracking-plan/tracking-plan.module.js';
import { WorkspaceSettings } from '../workspace/workspace.settings.js';
import { ImportController } from './import.controller.js';
import type { ImportRooms } from './import.execution.js';
import { IMPORT_ROOMS, ImportProcessor } from './import.processor.js';
import { ImportQueue } from './import.queue.js';
import { ImportRepository } from './import.repository.js';
import { ImportRows } from './import.rows.js';
import { ImportService } from './import.service.js';

const scratchOf = ({ WORK_DIR, DUCKDB_MEMORY }: IngestionConfig) => ({ workDir: WORK_DIR, memory: DUCKDB_MEMORY });

const IMPORT_RECONCILER = Symbol('IMPORT_RECONCILER');

@Module({
  imports: [EventModule, TrackingPlanModule],
  controllers: [ImportController],
  providers: [
    { provide: ImportRepository, inject: [DATABASE], useFactory: (database: Database) => new ImportRepository(database) },
    ImportQueue,
    {
      provide: ImportService,
      inject: [ImportRepository, ImportQueue, ARTIFACTS, SERVICE],
      useFactory: (repository: ImportRepository, queue: ImportQueue, artifacts: ArtifactStore, { config, log }: ServiceContext<IngestionConfig>) =>
        new ImportService(repository, queue, artifacts, scratchOf(config), log),
    },
    {
      provide: IMPORT_ROOMS,
      inject: [ImportRepository, EventStore, ARTIFACTS, WorkspaceSettings, TrackingPlanBook, SERVICE, HINT],
      useFactory: (
        repository: ImportRepository,
        store: EventStore,
        artifacts: ArtifactStore,
        settings: WorkspaceSettings,
        plans: TrackingPlanBook,
        { config }: ServiceContext<IngestionConfig>,
        hint: Hint,
      ): ImportRooms => ({ repository, store, artifacts, settings, plans, scratch: scratchOf(config), hint }),
    },
    {
      provide: ImportRows,
      inject: [ImportRepository, ARTIFACTS, SERVICE],
      useFactory: (repository: ImportRepository, artifacts: ArtifactStore, { config }: ServiceContext<IngestionConfig>) =>
        new ImportRows(repository, artifacts, scratchOf(config)),
    },
    ImportProcessor,
    {
      provide: IMPORT_RECONCILER,
      inject: [ImportRepository, ImportQueue, SERVICE],
      useFactory: (repository: ImportRepository, queue: ImportQueue, { log }: ServiceContext<unknown>) =>
        new JobReconciler({ what: 'imports', open: () => repository.open(), enqueue: (payload) => queue.enqueue(payload) }, log),
    },
  ],
  exports: [ImportRows],
})
export class ImportModule {}
