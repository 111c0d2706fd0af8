import { Module } from '@nestjs/common';

import { PredictionController } from './prediction.controller.js';
import { PredictionRepository } from './prediction.repository.js';
import { PredictionService } from './prediction.service.js';

@Module({ controllers: [PredictionController], providers: [PredictionRepository, PredictionService] })
export class PredictionModule {}
