import { dataProfile, label, training } from '#libs/contracts';
import { runService } from '#libs/service';

import { RunReconciler } from './run/run.reconciler.js';
import { trainingConfig } from './training.config.js';
import { TrainingModule } from './training.module.js';

await runService({
  name: 'training',
  config: trainingConfig,
  module: TrainingModule,
  services: [training.RunServiceService, training.ModelServiceService, dataProfile.DataProfileServiceService, label.LabelServiceService, label.HeadServiceService],
  ready: (app) => app.get(RunReconciler).firstRound,
  isWorking: (app) => app.get(RunReconciler).isWorking,
});
