import { Module } from '@nestjs/common';

import { SegmentModule } from '../segment/segment.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { CountingController } from './counting.controller.js';
import { CountingRepository } from './counting.repository.js';
import { CountingService } from './counting.service.js';

@Module({ imports: [SegmentModule, WorkspaceModule], controllers: [CountingController], providers: [CountingRepository, CountingService] })
export class CountingModule {}
