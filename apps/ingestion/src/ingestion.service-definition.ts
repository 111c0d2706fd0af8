import { KeyRing } from '#libs/auth';
import { customerList, identity, ingestion, intake, person, quarantine, retention, trackingPlan } from '#libs/contracts';
import { Readiness, type ServiceDefinitionOptions } from '#libs/service';

import { type IngestionConfig, ingestionConfig } from './ingestion.config.js';
import { IngestionModule } from './ingestion.module.js';
import { StreamGate } from './intake/intake.gate.js';
import { TrackingPlanBook } from './tracking-plan/tracking-plan.book.js';

/** Of a message that is read at all: a call of the gateway has 4 MiB, and may have twice as many written anew as JSON. */
const MOST_RECEIVED_BYTES = 8 * 1024 ** 2;

/** The service as main runs it and tests start it. */
export const ingestionService: ServiceDefinitionOptions<IngestionConfig> = {
  name: 'ingestion',
  config: ingestionConfig,
  module: IngestionModule,
  services: [
    intake.IntakeServiceService, ingestion.EventServiceService, ingestion.CustomerServiceService, ingestion.ImportServiceService, ingestion.SnapshotServiceService,
    quarantine.QuarantineServiceService, trackingPlan.TrackingPlanServiceService, identity.IdentityServiceService, person.PersonServiceService,
    retention.RetentionServiceService, customerList.CustomerListServiceService,
  ],
  grpc: (app) => ({ interceptors: [app.get(StreamGate, { strict: false }).interceptor], maxMessageBytes: MOST_RECEIVED_BYTES }),
  // Without keys every sender would be a stranger, and without plans nothing could be enforced.
  ready: async (app) => {
    await Promise.all([app.get(KeyRing).ready, app.get(TrackingPlanBook, { strict: false }).ready]);
  },
  isWorking: (app) => app.get(Readiness).isWorking,
};
