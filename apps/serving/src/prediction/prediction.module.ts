import { Module } from '@nestjs/common';

import { WorkspaceModule } from '../workspace/workspace.module.js';
import { LivePredictions } from './live.predictions.js';
import { PredictionController } from './prediction.controller.js';
import { PredictionRepository } from './prediction.repository.js';
import { PredictionService } from './prediction.service.js';

@Module({ imports: [WorkspaceModule], controllers: [PredictionController], providers: [LivePredictions, PredictionRepository, PredictionService] })
export class PredictionModule {}
