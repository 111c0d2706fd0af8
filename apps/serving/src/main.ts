import { runService } from '#libs/service';

import { servingDefinition } from './serving.definition.js';

await runService(servingDefinition());
