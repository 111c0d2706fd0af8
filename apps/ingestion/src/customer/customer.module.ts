import { Module } from '@nestjs/common';

import type { Database } from '#libs/database';

import { DATABASE } from '../store.module.js';
import { CustomerController } from './customer.controller.js';
import { CustomerRepository } from './customer.repository.js';

@Module({
  controllers: [CustomerController],
  providers: [{ provide: CustomerRepository, inject: [DATABASE], useFactory: (database: Database) => new CustomerRepository(database) }],
})
export class CustomerModule {}
