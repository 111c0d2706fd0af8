import { access } from '#libs/contracts';
import { loadConfig } from '#libs/config';
import { Readiness, runService } from '#libs/service';

import { AccessModule } from './access.module.js';
import { accessShape } from './config.js';

await runService({
  name: 'access',
  config: () => loadConfig(accessShape),
  module: AccessModule,
  services: [access.AccessServiceService],
  isWorking: (app) => app.get(Readiness).isWorking,
});
