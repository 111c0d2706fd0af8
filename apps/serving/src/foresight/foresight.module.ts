import { Module } from '@nestjs/common';

import { ScoringModule } from '../scoring/scoring.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { ForecastService } from './forecast.service.js';
import { ForesightController } from './foresight.controller.js';
import { ForesightRepository } from './foresight.repository.js';
import { HistoryRepository } from './history.repository.js';
import { NoveltyService } from './novelty.service.js';
import { RecommendationService } from './recommendation.service.js';

@Module({
  imports: [ScoringModule, WorkspaceModule],
  controllers: [ForesightController],
  providers: [ForecastService, ForesightRepository, HistoryRepository, NoveltyService, RecommendationService],
  exports: [NoveltyService],
})
export class ForesightModule {}
