import { runService } from '#libs/service';

import { gatewayService } from './gateway.service.js';

await runService(gatewayService());
