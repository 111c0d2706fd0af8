import { KeyRing } from '#libs/auth';
import { loadConfig } from '#libs/config';
import type { ServiceDefinitionOptions } from '#libs/service';

import { type GatewayConfig, gatewayShape } from './gateway.config.js';
import { GatewayModule } from './gateway.module.js';

/** Of a call: 500 events of 8 KB. */
const MOST_BYTES = 4 * 1024 ** 2;

/** The gateway as a service; ready once it knows the keys. */
export function gatewayService(environment?: NodeJS.ProcessEnv): ServiceDefinitionOptions<GatewayConfig> {
  return {
    name: 'gateway',
    config: () => loadConfig(gatewayShape, environment),
    module: GatewayModule,
    bodyLimit: MOST_BYTES,
    ready: (app) => app.get(KeyRing, { strict: false }).ready,
  };
}
