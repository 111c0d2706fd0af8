import { Module } from '@nestjs/common';

import { Peers } from '../step/peers.js';
import { DataProfileController } from './data.profile.controller.js';
import { DataProfileReader } from './data.profile.js';
import { ModelActivation } from './model.activation.js';
import { ModelController } from './model.controller.js';
import { ModelRepository } from './model.repository.js';
import { ModelService } from './model.service.js';

@Module({
  controllers: [DataProfileController, ModelController],
  providers: [DataProfileReader, Peers, ModelActivation, ModelRepository, ModelService],
  exports: [Peers, ModelActivation, ModelRepository, ModelService],
})
export class ModelModule {}
