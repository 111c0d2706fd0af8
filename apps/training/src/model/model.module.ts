import { Module } from '@nestjs/common';

import { Peers } from '../step/peers.js';
import { ModelActivation } from './model.activation.js';
import { ModelController } from './model.controller.js';
import { ModelRepository } from './model.repository.js';
import { ModelService } from './model.service.js';

@Module({
  controllers: [ModelController],
  providers: [Peers, ModelActivation, ModelRepository, ModelService],
  exports: [Peers, ModelActivation, ModelRepository, ModelService],
})
export class ModelModule {}
