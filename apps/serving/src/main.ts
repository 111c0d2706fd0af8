import { serving } from '#libs/contracts';
import { runService } from '#libs/service';

import { FeedHealth } from './scoring/feed.health.js';
import { servingConfig } from './serving.config.js';
import { ServingModule } from './serving.module.js';

await runService({
  name: 'serving',
  config: servingConfig,
  module: ServingModule,
  services: [serving.MembershipServiceService, serving.SegmentServiceService, serving.ActivationServiceService],
  ready: (app) => app.get(FeedHealth).untilReadable(),
  isWorking: (app) => app.get(FeedHealth).isReadable,
});
