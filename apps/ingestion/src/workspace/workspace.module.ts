import { Global, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';

import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { WorkspaceSettings } from './workspace.settings.js';

@Injectable()
class SettingsEnd implements OnApplicationShutdown {
  constructor(@Inject(WorkspaceSettings) private readonly settings: WorkspaceSettings) {}

  onApplicationShutdown(): void {
    this.settings.close();
  }
}

@Global()
@Module({
  providers: [
    {
      provide: WorkspaceSettings,
      inject: [SERVICE],
      useFactory: ({ name, config, signer }: ServiceContext<IngestionConfig>) => new WorkspaceSettings(config.ACCESS_ADDRESS, signer, name),
    },
    SettingsEnd,
  ],
  exports: [WorkspaceSettings],
})
export class WorkspaceModule {}
