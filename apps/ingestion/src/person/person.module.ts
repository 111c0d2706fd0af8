import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { JobProcessor, JobQueue, JobReconciler, PERSON_JOBS, type RequestPayload } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { ArchiveModule } from '../archive/archive.module.js';
import { PersonArchives } from '../archive/archive.person.js';
import { digestsBy } from '../identity/keyed.digest.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import { UploadModule } from '../upload/upload.module.js';
import { UploadRepository } from '../upload/upload.repository.js';
import { Uploads } from '../upload/uploads.js';
import { PersonController } from './person.controller.js';
import { PersonErasure } from './person.erasure.js';
import type { PersonRooms } from './person.execution.js';
import { PersonExport } from './person.export.js';
import { PersonPeers } from './person.peers.js';
import { PersonRequestRepository } from './person.repository.js';
import { PersonService } from './person.service.js';
import { personWork } from './person.work.js';

const PERSON_RECONCILER = Symbol('PERSON_RECONCILER');

@Module({
  imports: [ArchiveModule, UploadModule],
  controllers: [PersonController],
  providers: [
    { provide: PersonRequestRepository, inject: [DATABASE], useFactory: (database: Database) => new PersonRequestRepository(database) },
    { provide: JobQueue, inject: [SERVICE], useFactory: ({ config, log }: ServiceContext<IngestionConfig>) => new JobQueue(PERSON_JOBS, config.REDIS_URL, log) },
    { provide: PersonPeers, inject: [SERVICE], useFactory: ({ name, config, signer }: ServiceContext<IngestionConfig>) => new PersonPeers(config, signer, name) },
    {
      provide: PersonService,
      inject: [PersonRequestRepository, JobQueue, SERVICE],
      useFactory: (repository: PersonRequestRepository, queue: JobQueue<RequestPayload>, { log }: ServiceContext<IngestionConfig>) => new PersonService(repository, queue, log),
    },
    {
      provide: JobProcessor,
      inject: [DATABASE, PersonRequestRepository, PersonArchives, PersonPeers, ARTIFACTS, UploadRepository, Uploads, SERVICE],
      useFactory: (
        database: Database,
        repository: PersonRequestRepository,
        archives: PersonArchives,
        peers: PersonPeers,
        artifacts: ArtifactStore,
        files: UploadRepository,
        uploads: Uploads,
        { config, log }: ServiceContext<IngestionConfig>,
      ) => {
        const secret = config.PRINCIPAL_SECRET;
        const digests = digestsBy(secret);
        const erasure = new PersonErasure(database, repository, archives, files, peers, digests.messageId);
        const rooms: PersonRooms = { database, repository, erasure, exporting: new PersonExport(database, artifacts, peers, archives), peers, artifacts, uploads, digest: digests.id, secret };
        return new JobProcessor(PERSON_JOBS, personWork(rooms), config.REDIS_URL, log);
      },
    },
    {
      provide: PERSON_RECONCILER,
      inject: [PersonRequestRepository, JobQueue, SERVICE],
      useFactory: (repository: PersonRequestRepository, queue: JobQueue<RequestPayload>, { log }: ServiceContext<unknown>) =>
        new JobReconciler({ what: 'requests of people', open: () => repository.open(), enqueue: (payload) => queue.enqueue(payload) }, log),
    },
  ],
})
export class PersonModule {}
