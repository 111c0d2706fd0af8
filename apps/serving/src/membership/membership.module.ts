import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { DrawingModule } from '../segment/drawing.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { MemberService } from './member.service.js';
import { MembershipController } from './membership.controller.js';
import { MembershipRepository } from './membership.repository.js';
import { PlacementRepository } from './placement.repository.js';

@Module({
  imports: [ChangeModule, DrawingModule, WorkspaceModule],
  controllers: [MembershipController],
  providers: [MemberService, MembershipRepository, PlacementRepository],
  exports: [MemberService],
})
export class MembershipModule {}
