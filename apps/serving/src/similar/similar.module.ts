import { Module } from '@nestjs/common';

import { WorkspaceModule } from '../workspace/workspace.module.js';
import { Neighbours } from './neighbours.js';
import { SimilarController } from './similar.controller.js';
import { SimilarRepository } from './similar.repository.js';
import { SimilarService } from './similar.service.js';
import { SimilarSpaces } from './similar.spaces.js';

@Module({
  imports: [WorkspaceModule],
  controllers: [SimilarController],
  providers: [Neighbours, SimilarRepository, SimilarService, SimilarSpaces],
  exports: [SimilarRepository, SimilarSpaces],
})
export class SimilarModule {}
