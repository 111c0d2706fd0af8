import { KeyRing } from '#libs/auth';
import { customerList, identity, ingestion, intake, person, quarantine, retention, trackingPlan } from '#libs/contracts';
import { Readiness, type ServiceDefinitionOptions } from '#libs/service';

import { type IngestionConfig, ingestionConfig } from './ingestion.config.js';
import { IngestionModule } from './ingestion.module.js';
import { TrackingPlanBook } from './tracking-plan/tracking-plan.book.js';

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
  // Without keys every sender would be a stranger, and without plans nothing could be enforced.
  ready: async (app) => {
    await Promise.all([app.get(KeyRing).ready, app.get(TrackingPlanBook, { strict: false }).ready]);
  },
  isWorking: (app) => app.get(Readiness).isWorking,
};
