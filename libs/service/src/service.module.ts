import { type DynamicModule, Module } from '@nestjs/common';

import { PrincipalSigner } from '#libs/auth';

import type { ServiceContext } from './service-context.js';

/** Injection token of the ServiceContext: configuration, log, health. */
export const SERVICE = Symbol('SERVICE');

/** What every service injects: `@Inject(SERVICE)` and PrincipalSigner. */
@Module({})
export class ServiceModule {
  static of(context: ServiceContext<unknown>): DynamicModule {
    return {
      module: ServiceModule,
      global: true,
      providers: [
        { provide: SERVICE, useValue: context },
        { provide: PrincipalSigner, useValue: context.signer },
      ],
      exports: [SERVICE, PrincipalSigner],
    };
  }
}
