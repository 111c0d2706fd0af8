import { Module } from '@nestjs/common';

import type { Database } from '#libs/database';

import { EventModule, type Hint, HINT } from '../event/event.module.js';
import { EventStore } from '../event/event.store.js';
import { ImportModule } from '../import/import.module.js';
import { ImportRows } from '../import/import.rows.js';
import { DATABASE } from '../store.module.js';
import { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { TrackingPlanModule } from '../tracking-plan/tracking-plan.module.js';
import { QuarantineController } from './quarantine.controller.js';
import { Replay } from './quarantine.replay.js';
import { QuarantineRepository } from './quarantine.repository.js';
import { QuarantineService } from './quarantine.service.js';

@Module({
  imports: [EventModule, ImportModule, TrackingPlanModule],
  controllers: [QuarantineController],
  providers: [
    { provide: QuarantineRepository, inject: [DATABASE], useFactory: (database: Database) => new QuarantineRepository(database) },
    {
      provide: Replay,
      inject: [QuarantineRepository, EventStore, ImportRows],
      useFactory: (repository: QuarantineRepository, store: EventStore, imports: ImportRows) => new Replay(repository, store, imports),
    },
    {
      provide: QuarantineService,
      inject: [QuarantineRepository, Replay, ImportRows, TrackingPlanBook, HINT],
      useFactory: (repository: QuarantineRepository, replay: Replay, imports: ImportRows, plans: TrackingPlanBook, hint: Hint) =>
        new QuarantineService(repository, replay, imports, plans, hint),
    },
  ],
})
export class QuarantineModule {}
