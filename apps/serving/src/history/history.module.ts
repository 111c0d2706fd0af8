import { Module } from '@nestjs/common';

import { WorkspaceModule } from '../workspace/workspace.module.js';
import { ScoringModule } from '../scoring/scoring.module.js';
import { AnswerablePast } from './answerable.past.js';
import { HistoryController } from './history.controller.js';
import { HistoryService } from './history.service.js';
import { PastReadingController } from './past.reading.controller.js';
import { PastReadingService } from './past.reading.service.js';
import { PastRepository } from './past.repository.js';

@Module({
  imports: [ScoringModule, WorkspaceModule],
  controllers: [HistoryController, PastReadingController],
  providers: [AnswerablePast, HistoryService, PastReadingService, PastRepository],
  exports: [AnswerablePast],
})
export class HistoryModule {}
