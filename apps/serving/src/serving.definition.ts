import { counting, definition, explanation, exporting, foresight, forgetting, history, pastReading, prediction, region, serving, similar, unusual, unusualEvent, webhook } from '#libs/contracts';
import type { ServiceDefinitionOptions } from '#libs/service';

import { FeedHealth } from './scoring/feed.health.js';
import { type ServingConfig, servingConfig } from './serving.config.js';
import { ServingModule } from './serving.module.js';

/** The whole service, for its process and for tests that put it together themselves. */
export function servingDefinition(environment?: NodeJS.ProcessEnv): ServiceDefinitionOptions<ServingConfig> {
  return {
    name: 'serving',
    config: () => servingConfig(environment),
    module: ServingModule,
    services: [
      serving.MembershipServiceService, serving.SegmentServiceService, serving.ActivationServiceService,
      explanation.ExplanationServiceService, foresight.ForesightServiceService, forgetting.ForgettingServiceService, webhook.WebhookServiceService,
      definition.SegmentDefinitionServiceService, prediction.PredictionServiceService, similar.SimilarityServiceService, region.RegionServiceService, exporting.ExportServiceService, history.HistoryServiceService,
      counting.CountingServiceService, pastReading.PastReadingServiceService, unusual.UnusualServiceService, unusualEvent.UnusualEventServiceService,
    ],
    ready: (app) => app.get(FeedHealth).untilReadable(),
    isWorking: (app) => app.get(FeedHealth).isReadable,
  };
}
