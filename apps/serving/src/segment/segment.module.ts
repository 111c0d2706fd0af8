import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { MembershipModule } from '../membership/membership.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { SegmentController } from './segment.controller.js';
import { SegmentRepository } from './segment.repository.js';
import { SegmentService } from './segment.service.js';
import { SegmentsNow } from './segments.now.js';

@Module({ imports: [ChangeModule, MembershipModule, WorkspaceModule], controllers: [SegmentController], providers: [SegmentRepository, SegmentService, SegmentsNow], exports: [SegmentService] })
export class SegmentModule {}
