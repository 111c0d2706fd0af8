import { runService } from '#libs/service';

import { ingestionService } from './ingestion.service-definition.js';

await runService(ingestionService);
