import { Module } from '@nestjs/common';

import { MembershipModule } from '../membership/membership.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { SegmentController } from './segment.controller.js';
import { SegmentRepository } from './segment.repository.js';
import { SegmentService } from './segment.service.js';

@Module({ imports: [MembershipModule, WorkspaceModule], controllers: [SegmentController], providers: [SegmentRepository, SegmentService] })
export class SegmentModule {}
