import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import { KeyRing } from '#libs/auth';
import type { Database } from '#libs/database';
import { ARCHIVE_JOBS, JobProcessor, JobQueue, JobReconciler, type RequestPayload } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { EventModule, type Hint, HINT } from '../event/event.module.js';
import { EventStore } from '../event/event.store.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { IntakeModule } from '../intake/intake.module.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import type { ExecutionRooms } from './archive.execution.js';
import { PersonArchives } from './archive.person.js';
import { ArchiveRepository } from './archive.repository.js';
import { ArchiveRequestRepository } from './archive.request.repository.js';
import { archiveWork } from './archive.work.js';
import { RetentionController } from './retention.controller.js';
import { RetentionRepository } from './retention.repository.js';
import { RetentionSchedule } from './retention.schedule.js';
import { RetentionService } from './retention.service.js';

const ARCHIVE_RECONCILER = Symbol('ARCHIVE_RECONCILER');
const scratchOf = ({ WORK_DIR, DUCKDB_MEMORY }: IngestionConfig) => ({ workDir: WORK_DIR, memory: DUCKDB_MEMORY });
const settleMsOf = ({ ARCHIVE_SETTLE_SECONDS }: IngestionConfig) => ARCHIVE_SETTLE_SECONDS * 1000;

@Module({
  imports: [EventModule, IntakeModule],
  controllers: [RetentionController],
  providers: [
    { provide: ArchiveRepository, inject: [DATABASE], useFactory: (database: Database) => new ArchiveRepository(database) },
    { provide: ArchiveRequestRepository, inject: [DATABASE], useFactory: (database: Database) => new ArchiveRequestRepository(database) },
    { provide: RetentionRepository, inject: [DATABASE], useFactory: (database: Database) => new RetentionRepository(database) },
    {
      provide: JobQueue,
      inject: [SERVICE],
      useFactory: ({ config, log }: ServiceContext<IngestionConfig>) =>
        new JobQueue(ARCHIVE_JOBS, config.REDIS_URL, log),
    },
    {
      provide: RetentionService,
      inject: [RetentionRepository, ArchiveRepository, ArchiveRequestRepository, JobQueue, KeyRing, SERVICE],
      useFactory: (
        policies: RetentionRepository,
        archives: ArchiveRepository,
        requests: ArchiveRequestRepository,
        queue: JobQueue<RequestPayload>,
        keys: KeyRing,
        { config, log }: ServiceContext<IngestionConfig>,
      ) => new RetentionService({ policies, archives, requests, queue, keys, settleMs: settleMsOf(config) }, log),
    },
    {
      provide: JobProcessor,
      inject: [ArchiveRepository, ArchiveRequestRepository, EventStore, ARTIFACTS, HINT, SERVICE],
      useFactory: (
        archives: ArchiveRepository,
        requests: ArchiveRequestRepository,
        store: EventStore,
        artifacts: ArtifactStore,
        hint: Hint,
        { config, log }: ServiceContext<IngestionConfig>,
      ) => {
        const rooms: ExecutionRooms = { archives, requests, store, artifacts, hint, scratch: scratchOf(config), settleMs: settleMsOf(config) };
        return new JobProcessor(ARCHIVE_JOBS, archiveWork(rooms), config.REDIS_URL, log);
      },
    },
    {
      provide: ARCHIVE_RECONCILER,
      inject: [ArchiveRequestRepository, JobQueue, SERVICE],
      useFactory: (requests: ArchiveRequestRepository, queue: JobQueue<RequestPayload>, { log }: ServiceContext<unknown>) =>
        new JobReconciler({ what: 'archive requests', open: () => requests.open(), enqueue: (payload) => queue.enqueue(payload) }, log),
    },
    {
      provide: RetentionSchedule,
      inject: [RetentionRepository, ArchiveRepository, RetentionService, SERVICE],
      useFactory: (policies: RetentionRepository, archives: ArchiveRepository, service: RetentionService, { config, log }: ServiceContext<IngestionConfig>) =>
        new RetentionSchedule(policies, archives, service, settleMsOf(config), log),
    },
    {
      provide: PersonArchives,
      inject: [ArchiveRepository, ARTIFACTS, SERVICE],
      useFactory: (archives: ArchiveRepository, artifacts: ArtifactStore, { config }: ServiceContext<IngestionConfig>) => new PersonArchives(archives, artifacts, scratchOf(config)),
    },
  ],
  exports: [PersonArchives],
})
export class ArchiveModule {}
