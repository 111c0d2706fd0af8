import { Module } from '@nestjs/common';

import { ActivationModule } from './activation/activation.module.js';
import { CountingModule } from './counting/counting.module.js';
import { DefinitionModule } from './definition/definition.module.js';
import { ExplanationModule } from './explanation/explanation.module.js';
import { ExportModule } from './export/export.module.js';
import { ForesightModule } from './foresight/foresight.module.js';
import { ForgettingModule } from './forgetting/forgetting.module.js';
import { HistoryModule } from './history/history.module.js';
import { MembershipModule } from './membership/membership.module.js';
import { PredictionModule } from './prediction/prediction.module.js';
import { ScoringModule } from './scoring/scoring.module.js';
import { SegmentModule } from './segment/segment.module.js';
import { SimilarModule } from './similar/similar.module.js';
import { StoreModule } from './store.module.js';
import { UnusualModule } from './unusual/unusual.module.js';
import { WebhookModule } from './webhook/webhook.module.js';

@Module({
  imports: [
    StoreModule, ScoringModule, MembershipModule, SegmentModule, SimilarModule, DefinitionModule, ActivationModule, ExplanationModule, ForesightModule, ForgettingModule, PredictionModule, WebhookModule, ExportModule, HistoryModule, UnusualModule, CountingModule,
  ],
})
export class ServingModule {}
