import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { IMPORT_JOBS, type ImportPayload, JobProcessor, JobQueue, JobReconciler } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { EventModule, type Hint, HINT } from '../event/event.module.js';
import { EventStore } from '../event/event.store.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { TrackingPlanModule } from '../tracking-plan/tracking-plan.module.js';
import { WorkspaceSettings } from '../workspace/workspace.settings.js';
import { ImportController } from './import.controller.js';
import type { ImportRooms } from './import.execution.js';
import { ImportRepository } from './import.repository.js';
import { ImportRows } from './import.rows.js';
import { ImportService } from './import.service.js';
import { TableStatistics } from './import.statistics.js';
import { importWork } from './import.work.js';

const scratchOf = ({ WORK_DIR, IMPORT_MEMORY }: IngestionConfig) => ({ workDir: WORK_DIR, memory: IMPORT_MEMORY });

const IMPORT_RECONCILER = Symbol('IMPORT_RECONCILER');

@Module({
  imports: [EventModule, TrackingPlanModule],
  controllers: [ImportController],
  providers: [
    { provide: ImportRepository, inject: [DATABASE], useFactory: (database: Database) => new ImportRepository(database) },
    { provide: JobQueue, inject: [SERVICE], useFactory: ({ config, log }: ServiceContext<IngestionConfig>) => new JobQueue(IMPORT_JOBS, config.REDIS_URL, log) },
    {
      provide: ImportService,
      inject: [ImportRepository, JobQueue, ARTIFACTS, EventStore, TrackingPlanBook, SERVICE],
      useFactory: (
        repository: ImportRepository,
        queue: JobQueue<ImportPayload>,
        artifacts: ArtifactStore,
        store: EventStore,
        plans: TrackingPlanBook,
        { config, log }: ServiceContext<IngestionConfig>,
      ) => new ImportService({ repository, queue, artifacts, store, plans, scratch: scratchOf(config) }, log),
    },
    {
      provide: JobProcessor,
      inject: [ImportRepository, EventStore, ARTIFACTS, WorkspaceSettings, TrackingPlanBook, SERVICE, HINT, DATABASE],
      useFactory: (
        repository: ImportRepository,
        store: EventStore,
        artifacts: ArtifactStore,
        settings: WorkspaceSettings,
        plans: TrackingPlanBook,
        { config, log }: ServiceContext<IngestionConfig>,
        hint: Hint,
        database: Database,
      ) => {
        const rooms: ImportRooms = { repository, store, artifacts, settings, plans, scratch: scratchOf(config), statistics: new TableStatistics(database, log), hint };
        return new JobProcessor(IMPORT_JOBS, importWork(rooms), config.REDIS_URL, log);
      },
    },
    {
      provide: ImportRows,
      inject: [ImportRepository, ARTIFACTS, SERVICE],
      useFactory: (repository: ImportRepository, artifacts: ArtifactStore, { config }: ServiceContext<IngestionConfig>) =>
        new ImportRows(repository, artifacts, scratchOf(config)),
    },
    {
      provide: IMPORT_RECONCILER,
      inject: [ImportRepository, JobQueue, SERVICE],
      useFactory: (repository: ImportRepository, queue: JobQueue<ImportPayload>, { log }: ServiceContext<unknown>) =>
        new JobReconciler({ what: 'imports', open: () => repository.open(), enqueue: (payload) => queue.enqueue(payload) }, log),
    },
  ],
  exports: [ImportRows],
})
export class ImportModule {}
