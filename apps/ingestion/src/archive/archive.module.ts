import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import { KeyRing } from '#libs/auth';
import type { Database } from '#libs/database';
import { ARCHIVE_JOB, ARCHIVE_OPTIONS, ARCHIVE_QUEUE, archiveJobId, type ArchivePayload } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { EventModule, type Hint, HINT } from '../event/event.module.js';
import { EventStore } from '../event/event.store.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { IntakeModule } from '../intake/intake.module.js';
import { JobQueue } from '../job/job.queue.js';
import { JobReconciler } from '../job/job.reconciler.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import type { ExecutionRooms } from './archive.execution.js';
import { PersonArchives } from './archive.person.js';
import { ARCHIVE_ROOMS, ArchiveProcessor } from './archive.processor.js';
import { ArchiveRepository } from './archive.repository.js';
import { ArchiveRequestRepository } from './archive.request.repository.js';
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
        new JobQueue<ArchivePayload>({ queue: ARCHIVE_QUEUE, job: ARCHIVE_JOB, options: ARCHIVE_OPTIONS, idOf: archiveJobId }, config.REDIS_URL, log),
    },
    {
      provide: RetentionService,
      inject: [RetentionRepository, ArchiveRepository, ArchiveRequestRepository, JobQueue, KeyRing, SERVICE],
      useFactory: (
        policies: RetentionRepository,
        archives: ArchiveRepository,
        requests: ArchiveRequestRepository,
        queue: JobQueue<ArchivePayload>,
        keys: KeyRing,
        { log }: ServiceContext<IngestionConfig>,
      ) => new RetentionService({ policies, archives, requests, queue, keys }, log),
    },
    {
      provide: ARCHIVE_ROOMS,
      inject: [ArchiveRepository, ArchiveRequestRepository, EventStore, ARTIFACTS, HINT, SERVICE],
      useFactory: (
        archives: ArchiveRepository,
        requests: ArchiveRequestRepository,
        store: EventStore,
        artifacts: ArtifactStore,
        hint: Hint,
        { config }: ServiceContext<IngestionConfig>,
      ): ExecutionRooms => ({ archives, requests, store, artifacts, hint, scratch: scratchOf(config), settleMs: settleMsOf(config) }),
    },
    ArchiveProcessor,
    {
      provide: ARCHIVE_RECONCILER,
      inject: [ArchiveRequestRepository, JobQueue, SERVICE],
      useFactory: (requests: ArchiveRequestRepository, queue: JobQueue<ArchivePayload>, { log }: ServiceContext<unknown>) =>
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
