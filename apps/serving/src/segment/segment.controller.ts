import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { serving } from '#libs/contracts';

import { MemberService } from '../membership/member.service.js';
import { SegmentService } from './segment.service.js';

@Controller()
@serving.SegmentServiceControllerMethods()
export class SegmentController implements serving.SegmentServiceController {
  constructor(
    private readonly segments: SegmentService,
    private readonly members: MemberService,
  ) {}

  getSegments(@Payload() request: serving.GetSegmentsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.GetSegmentsResponse> {
    return this.segments.get(workspaceId, request);
  }

  listSegments(@Payload() request: serving.ListSegmentsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.ListSegmentsResponse> {
    return this.segments.list(workspaceId, request);
  }

  listSegmentsOfModels(@Payload() request: serving.ListSegmentsOfModelsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.ListSegmentsOfModelsResponse> {
    return this.segments.listOfModels(workspaceId, request);
  }

  listMembersOfSegments(@Payload() request: serving.ListMembersOfSegmentsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.ListMembersOfSegmentsResponse> {
    return this.members.ofSegments(workspaceId, request);
  }

  listVersionsOfSegments(@Payload() request: serving.ListVersionsOfSegmentsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.ListVersionsOfSegmentsResponse> {
    return this.segments.versionsOfSegments(workspaceId, request);
  }

  @Requires('EDITOR')
  renameSegment(@Payload() request: serving.RenameSegmentRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.RenameSegmentResponse> {
    return this.segments.rename(workspaceId, request);
  }

  getCustomerMap(@Payload() request: serving.GetCustomerMapRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<serving.GetCustomerMapResponse> {
    return this.members.map(workspaceId, request);
  }
}
