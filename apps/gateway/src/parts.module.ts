import { Module } from '@nestjs/common';

import { openArtifactStore } from '#libs/artifacts';
import { KeyRing, PrincipalSigner } from '#libs/auth';
import { SERVICE, type ServiceContext } from '#libs/service';

import { AuditTrail } from './audit/audit.trail.js';
import { connectBackends } from './backend/backends.js';
import { BackendsByCaller } from './backend/caller.reads.js';
import { DownloadLinks } from './download/download.link.js';
import type { GatewayConfig } from './gateway.config.js';
import type { GatewayParts } from './graphql/context.js';
import { UploadLinks } from './upload/upload.link.js';

/** Injection token of what every request uses. */
export const GATEWAY_PARTS = Symbol('GATEWAY_PARTS');

@Module({
  providers: [
    {
      provide: KeyRing,
      inject: [SERVICE, PrincipalSigner],
      useFactory: ({ config, log }: ServiceContext<GatewayConfig>, signer: PrincipalSigner) => new KeyRing('gateway', config.ACCESS_ADDRESS, signer, log),
    },
    {
      provide: GATEWAY_PARTS,
      inject: [SERVICE, PrincipalSigner],
      useFactory: ({ config, log }: ServiceContext<GatewayConfig>, signer: PrincipalSigner): GatewayParts => {
        const backends = connectBackends(config);
        return {
          backends,
          callers: new BackendsByCaller(backends),
          signer,
          audit: new AuditTrail(backends, signer, log),
          uploads: new UploadLinks(config.PRINCIPAL_SECRET, config.UPLOAD_MAX_BYTES),
          downloads: new DownloadLinks(config.PRINCIPAL_SECRET),
          artifacts: openArtifactStore(config.ARTIFACT_URL),
          known: undefined,
        };
      },
    },
  ],
  exports: [KeyRing, GATEWAY_PARTS],
})
export class PartsModule {}
