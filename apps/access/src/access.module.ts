import { Module } from '@nestjs/common';

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
  providers: [AccessDatabase, WorkspaceRepository, WorkspaceService, KeyRepository, KeyService, KeyFeed, AuditRepository, AuditService],
})
export class AccessModule {}
