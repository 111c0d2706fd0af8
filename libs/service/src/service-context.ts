import type { Logger } from 'pino';

import type { PrincipalSigner } from '#libs/auth';
import type { HealthState } from '#libs/grpc';

/** What a service's providers are given. */
export interface ServiceContext<Config> {
  readonly name: string;
  readonly config: Config;
  readonly log: Logger;
  readonly signer: PrincipalSigner;
  readonly health: HealthState;
}
