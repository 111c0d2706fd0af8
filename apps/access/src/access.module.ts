import { Module } from '@nestjs/common';

import { Readiness, SERVICE, type ServiceContext } from '#libs/service';

import { AccessController } from './access.controller.js';
import { AuditRepository } from './audit/audit.repository.js';
import { AuditService } from './audit/audit.service.js';
import { AccessDatabase } from './database.provider.js';
import { KeyFeed } from './key/key.feed.js';
import { KeyRepository } from './key/key.repository.js';
import { KeyService } from './key/key.service.js';
import { WorkspaceRepository } from './workspace/workspace.repository.js';
import { WorkspaceService } from './workspace/workspace.service.js';

@Module({
  controllers: [AccessController],
  providers: [
    AccessDatabase,
    WorkspaceRepository,
    WorkspaceService,
    KeyRepository,
    KeyService,
    KeyFeed,
    AuditRepository,
    AuditService,
    {
      provide: Readiness,
      inject: [SERVICE, AccessDatabase],
      useFactory: (context: ServiceContext<unknown>, database: AccessDatabase) => new Readiness(context, 'Postgres', () => database.acrossWorkspaces.$queryRaw`SELECT 1`),
    },
  ],
})
export class AccessModule {}
