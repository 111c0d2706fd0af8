import { Module } from '@nestjs/common';

import { MembershipModule } from '../membership/membership.module.js';
import { DrawingModule } from './drawing.module.js';
import { SegmentController } from './segment.controller.js';
import { SegmentService } from './segment.service.js';

@Module({ imports: [DrawingModule, MembershipModule], controllers: [SegmentController], providers: [SegmentService], exports: [SegmentService] })
export class SegmentModule {}
