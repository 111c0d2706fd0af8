import { Module } from '@nestjs/common';

import type { Database } from '#libs/database';
import { EventHistory } from '#libs/history';

import { EventModule } from '../event/event.module.js';
import { DATABASE } from '../store.module.js';
import { BlockedIdRepository } from './blocked.repository.js';
import { IdentityController } from './identity.controller.js';
import { MergeRepository } from './merge.repository.js';

@Module({
  imports: [EventModule],
  controllers: [IdentityController],
  providers: [
    {
      provide: MergeRepository,
      inject: [DATABASE, EventHistory],
      useFactory: (database: Database, history: EventHistory) => new MergeRepository(database, history),
    },
    { provide: BlockedIdRepository, inject: [DATABASE], useFactory: (database: Database) => new BlockedIdRepository(database) },
  ],
})
export class IdentityModule {}
