import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { LeaseModule } from '../lease/lease.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { DefinitionController } from './definition.controller.js';
import { DefinitionReader } from './definition.reader.js';
import { DefinitionRepository } from './definition.repository.js';
import { DefinitionService } from './definition.service.js';
import { DefinitionStep } from './definition.step.js';

@Module({
  imports: [ChangeModule, LeaseModule, WorkspaceModule],
  controllers: [DefinitionController],
  providers: [DefinitionReader, DefinitionRepository, DefinitionService, DefinitionStep],
})
export class DefinitionModule {}
