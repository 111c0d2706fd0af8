import { Module } from '@nestjs/common';

import { ScoringModule } from '../scoring/scoring.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { ExplanationController } from './explanation.controller.js';
import { ExplanationRepository } from './explanation.repository.js';
import { ExplanationService } from './explanation.service.js';

@Module({ imports: [ScoringModule, WorkspaceModule], controllers: [ExplanationController], providers: [ExplanationRepository, ExplanationService] })
export class ExplanationModule {}
