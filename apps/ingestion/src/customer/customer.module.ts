import { Module } from '@nestjs/common';

import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import { digestsBy } from '../identity/keyed.digest.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { DATABASE } from '../store.module.js';
import { CustomerController } from './customer.controller.js';
import { CustomerRepository, ID_DIGEST } from './customer.repository.js';

@Module({
  controllers: [CustomerController],
  providers: [
    { provide: CustomerRepository, inject: [DATABASE], useFactory: (database: Database) => new CustomerRepository(database) },
    { provide: ID_DIGEST, inject: [SERVICE], useFactory: ({ config }: ServiceContext<IngestionConfig>) => digestsBy(config.PRINCIPAL_SECRET).id },
  ],
})
export class CustomerModule {}
