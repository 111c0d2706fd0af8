import { Inject, Injectable, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { DATABASE } from '../store.module.js';
import { TrackingPlanBook } from './tracking-plan.book.js';
import { TrackingPlanController } from './tracking-plan.controller.js';
import { TrackingPlanRepository } from './tracking-plan.repository.js';
import { TrackingPlanService } from './tracking-plan.service.js';

/** Follows the plans for as long as the service runs. */
@Injectable()
class BookReader implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(@Inject(TrackingPlanBook) private readonly book: TrackingPlanBook) {}

  onApplicationBootstrap(): void {
    this.book.follow();
  }

  onModuleDestroy(): void {
    this.book.close();
  }
}

@Module({
  controllers: [TrackingPlanController],
  providers: [
    { provide: TrackingPlanRepository, inject: [DATABASE], useFactory: (database: Database) => new TrackingPlanRepository(database) },
    {
      provide: TrackingPlanBook,
      inject: [TrackingPlanRepository, SERVICE],
      useFactory: (repository: TrackingPlanRepository, { log }: ServiceContext<IngestionConfig>) => new TrackingPlanBook(repository, log),
    },
    {
      provide: TrackingPlanService,
      inject: [TrackingPlanRepository, TrackingPlanBook],
      useFactory: (repository: TrackingPlanRepository, book: TrackingPlanBook) => new TrackingPlanService(repository, book),
    },
    BookReader,
  ],
  exports: [TrackingPlanBook],
})
export class TrackingPlanModule {}
