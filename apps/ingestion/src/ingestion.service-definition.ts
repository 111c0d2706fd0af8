import { KeyRing } from '#libs/auth';
import { identity, ingestion, person } from '#libs/contracts';
import type { ServiceDefinitionOptions } from '#libs/service';

import { type IngestionConfig, ingestionConfig } from './ingestion.config.js';
import { IngestionModule } from './ingestion.module.js';
import { Readiness } from './readiness.js';

/** The service as main runs it and tests start it. */
export const ingestionService: ServiceDefinitionOptions<IngestionConfig> = {
  name: 'ingestion',
  config: ingestionConfig,
  module: IngestionModule,
  services: [
    ingestion.EventServiceService, ingestion.CustomerServiceService, ingestion.ImportServiceService, ingestion.SnapshotServiceService,
    identity.IdentityServiceService, person.PersonServiceService,
  ],
  // Without keys every sender would be a stranger.
  ready: (app) => app.get(KeyRing).ready,
  isWorking: (app) => app.get(Readiness).isWorking,
};
