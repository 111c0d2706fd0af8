import { Module } from '@nestjs/common';

import type { ArtifactStore } from '#libs/artifacts';
import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { ARTIFACTS, DATABASE } from '../store.module.js';
import { CustomerListController } from './customer-list.controller.js';
import { CustomerListFile } from './customer-list.file.js';
import { CustomerListRepository } from './customer-list.repository.js';

@Module({
  controllers: [CustomerListController],
  providers: [
    { provide: CustomerListRepository, inject: [DATABASE], useFactory: (database: Database) => new CustomerListRepository(database) },
    {
      provide: CustomerListFile,
      inject: [ARTIFACTS, SERVICE],
      useFactory: (artifacts: ArtifactStore, { config }: ServiceContext<IngestionConfig>) =>
        new CustomerListFile(artifacts, { workDir: config.WORK_DIR, memory: config.DUCKDB_MEMORY }),
    },
  ],
})
export class CustomerListModule {}
