import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import { ArchiveModule } from '../archive/archive.module.js';
import { PersonArchives } from '../archive/archive.person.js';
import { digestBy } from '../identity/suppressed.ids.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { JobReconciler } from '../job/job.reconciler.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import { PersonController } from './person.controller.js';
import { PersonErasure } from './person.erasure.js';
import type { PersonRooms } from './person.execution.js';
import { PersonExport } from './person.export.js';
import { PersonPeers } from './person.peers.js';
import { PERSON_ROOMS, PersonProcessor } from './person.processor.js';
import { PersonQueue } from './person.queue.js';
import { PersonRequestRepository } from './person.repository.js';
import { PersonService } from './person.service.js';

const PERSON_RECONCILER = Symbol('PERSON_RECONCILER');

@Module({
  imports: [ArchiveModule],
  controllers: [PersonController],
  providers: [
    { provide: PersonRequestRepository, inject: [DATABASE], useFactory: (database: Database) => new PersonRequestRepository(database) },
    PersonQueue,
    {
      provide: PersonService,
      inject: [PersonRequestRepository, PersonQueue, SERVICE],
      useFactory: (repository: PersonRequestRepository, queue: PersonQueue, { log }: ServiceContext<IngestionConfig>) => new PersonService(repository, queue, log),
    },
    {
      provide: PERSON_ROOMS,
      inject: [DATABASE, PersonRequestRepository, PersonArchives, ARTIFACTS, SERVICE],
      useFactory: (
        database: Database,
        repository: PersonRequestRepository,
        archives: PersonArchives,
        artifacts: ArtifactStore,
        { name, config, signer }: ServiceContext<IngestionConfig>,
      ): PersonRooms => {
        const peers = new PersonPeers(config, signer, name);
        const secret = config.PRINCIPAL_SECRET;
        const erasure = new PersonErasure(database, repository, archives);
        return { database, repository, erasure, exporting: new PersonExport(database, artifacts, peers, archives), peers, artifacts, digest: digestBy(secret), secret };
      },
    },
    PersonProcessor,
    {
      provide: PERSON_RECONCILER,
      inject: [PersonRequestRepository, PersonQueue, SERVICE],
      useFactory: (repository: PersonRequestRepository, queue: PersonQueue, { log }: ServiceContext<unknown>) =>
        new JobReconciler({ what: 'requests of people', open: () => repository.open(), enqueue: (payload) => queue.enqueue(payload) }, log),
    },
  ],
})
export class PersonModule {}
