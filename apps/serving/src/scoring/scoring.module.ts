import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { LeaseModule } from '../lease/lease.module.js';
import { LiveModels } from '../onnx/live.models.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { BatchRepository } from './batch.repository.js';
import { FeedHealth } from './feed.health.js';
import { FeedRepository } from './feed.repository.js';
import { PastReadings } from './past.readings.js';
import { ScoringRepository } from './scoring.repository.js';
import { ScoringService } from './scoring.service.js';
import { StateCache } from './state.cache.js';

@Module({
  imports: [ChangeModule, LeaseModule, WorkspaceModule],
  providers: [BatchRepository, FeedHealth, FeedRepository, LiveModels, PastReadings, ScoringRepository, ScoringService, StateCache],
  exports: [BatchRepository, FeedHealth, FeedRepository, PastReadings, ScoringRepository, ScoringService],
})
export class ScoringModule {}
