import { Module } from '@nestjs/common';

import { ScoringModule } from '../scoring/scoring.module.js';
import { ExplanationController } from './explanation.controller.js';
import { ExplanationRepository } from './explanation.repository.js';
import { ExplanationService } from './explanation.service.js';

@Module({ imports: [ScoringModule], controllers: [ExplanationController], providers: [ExplanationRepository, ExplanationService] })
export class ExplanationModule {}
