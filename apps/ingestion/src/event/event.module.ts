import { Module } from '@nestjs/common';
import type { Redis } from 'ioredis';

import type { Database } from '#libs/database';
import { EventHistory } from '#libs/history';
import { publishHint } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { digestsBy } from '../identity/keyed.digest.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { DATABASE, REDIS } from '../store.module.js';
import { TrackingPlanModule } from '../tracking-plan/tracking-plan.module.js';
import { EventController } from './event.controller.js';
import { EventRates } from './event.rates.js';
import { EventRepository } from './event.repository.js';
import { EventStore } from './event.store.js';
import { EventWriter } from './event.writer.js';

/** Says that a workspace has new events; readers that miss it catch up from their own position. */
export const HINT = Symbol('HINT');
export type Hint = (workspaceId: string) => void;

@Module({
  imports: [TrackingPlanModule],
  controllers: [EventController],
  providers: [
    {
      provide: HINT,
      inject: [REDIS],
      useFactory:
        (redis: Redis): Hint =>
        (workspaceId) =>
          void publishHint(redis, workspaceId).catch(() => undefined),
    },
    {
      provide: EventStore,
      inject: [DATABASE, SERVICE],
      useFactory: (database: Database, { config }: ServiceContext<IngestionConfig>) =>
        new EventStore(
          database,
          { maxSubjects: config.IDENTITY_MAX_SUBJECTS, maxMergesPerDay: config.IDENTITY_MAX_MERGES_PER_DAY },
          digestsBy(config.PRINCIPAL_SECRET),
        ),
    },
    {
      provide: EventRepository,
      inject: [DATABASE, EventHistory, SERVICE],
      useFactory: (database: Database, history: EventHistory, { config }: ServiceContext<IngestionConfig>) =>
        new EventRepository(database, history, digestsBy(config.PRINCIPAL_SECRET).messageId),
    },
    {
      provide: EventRates,
      inject: [SERVICE],
      useFactory: ({ config }: ServiceContext<IngestionConfig>) => new EventRates(config.INTAKE_KEY_EVENTS_PER_SECOND),
    },
    {
      provide: EventWriter,
      inject: [EventStore, SERVICE, HINT],
      useFactory: (store: EventStore, { config }: ServiceContext<IngestionConfig>, hint: Hint) =>
        new EventWriter(store, { maxPendingEvents: config.INTAKE_MAX_PENDING_EVENTS }, hint),
    },
  ],
  exports: [EventRates, EventStore, EventWriter, HINT],
})
export class EventModule {}
