import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { ScoringModule } from '../scoring/scoring.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { ActivationController } from './activation.controller.js';
import { ActivationRepository } from './activation.repository.js';
import { ActivationService, ActiveModelService } from './activation.service.js';
import { ShadowFollower } from './shadow.follower.js';
import { ShadowRepository } from './shadow.repository.js';

@Module({
  imports: [ChangeModule, ScoringModule, WorkspaceModule],
  controllers: [ActivationController],
  providers: [ActivationRepository, ActivationService, ActiveModelService, ShadowFollower, ShadowRepository],
})
export class ActivationModule {}
