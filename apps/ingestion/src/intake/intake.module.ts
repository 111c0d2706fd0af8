import { Inject, Injectable, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';

import { KeyRing } from '#libs/auth';
import { SERVICE, type ServiceContext } from '#libs/service';

import { EventModule } from '../event/event.module.js';
import { EventRates } from '../event/event.rates.js';
import { EventWriter } from '../event/event.writer.js';
import type { IngestionConfig } from '../ingestion.config.js';
import { TrackingPlanBook } from '../tracking-plan/tracking-plan.book.js';
import { TrackingPlanModule } from '../tracking-plan/tracking-plan.module.js';
import { IntakeController } from './intake.controller.js';
import { StreamGate } from './intake.gate.js';
import { intakeRoutes } from './intake.routes.js';

/** Hangs the intake into the HTTP server, outside of Nest: its own parsers, errors and CORS. */
@Injectable()
class IntakeServer implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly writer: EventWriter,
    private readonly rates: EventRates,
    private readonly keys: KeyRing,
    private readonly plans: TrackingPlanBook,
    @Inject(SERVICE) private readonly context: ServiceContext<IngestionConfig>,
  ) {}

  async onModuleInit(): Promise<void> {
    const { config, log } = this.context;
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    const parts = { writer: this.writer, rates: this.rates, keys: this.keys, plans: this.plans, log, maxBodyBytes: config.INTAKE_MAX_BODY_BYTES };
    await fastify.register(intakeRoutes({ ...parts, maxPendingBytes: config.INTAKE_MAX_PENDING_BYTES, bodySeconds: config.INTAKE_BODY_SECONDS }));
  }

  onApplicationShutdown(): void {
    this.keys.close();
  }
}

@Module({
  imports: [EventModule, TrackingPlanModule],
  controllers: [IntakeController],
  providers: [
    {
      provide: KeyRing,
      inject: [SERVICE],
      useFactory: ({ name, config, signer, log }: ServiceContext<IngestionConfig>) => new KeyRing(name, config.ACCESS_ADDRESS, signer, log),
    },
    {
      provide: StreamGate,
      inject: [SERVICE],
      useFactory: ({ config }: ServiceContext<IngestionConfig>) => new StreamGate(config.INTAKE_MAX_PENDING_BYTES),
    },
    IntakeServer,
  ],
  exports: [KeyRing],
})
export class IntakeModule {}
