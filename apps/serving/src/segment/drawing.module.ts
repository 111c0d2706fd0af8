import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { Drawings } from './drawings.js';
import { SegmentRepository } from './segment.repository.js';

@Module({ imports: [ChangeModule, WorkspaceModule], providers: [Drawings, SegmentRepository], exports: [Drawings, SegmentRepository] })
export class DrawingModule {}
