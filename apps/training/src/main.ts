import { training } from '#libs/contracts';
import { runService } from '#libs/service';

import { trainingConfig } from './training.config.js';
import { TrainingModule } from './training.module.js';

await runService({
  name: 'training',
  config: trainingConfig,
  module: TrainingModule,
  services: [training.RunServiceService, training.ModelServiceService],
});
