import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { region } from '#libs/contracts';

import { RegionService } from './region.service.js';

@Controller()
@region.RegionServiceControllerMethods()
export class RegionController implements region.RegionServiceController {
  constructor(private readonly regions: RegionService) {}

  @Requires('EDITOR')
  createExampleSegment(@Payload() request: region.CreateExampleSegmentRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<region.CreateExampleSegmentResponse> {
    return this.regions.create(workspaceId, request);
  }

  @Requires('EDITOR')
  moveThreshold(@Payload() request: region.MoveThresholdRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<region.MoveThresholdResponse> {
    return this.regions.moveThreshold(workspaceId, request);
  }

  @Requires('EDITOR')
  previewExampleSegment(@Payload() request: region.PreviewExampleSegmentRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<region.PreviewExampleSegmentResponse> {
    return this.regions.preview(workspaceId, request);
  }

  getExampleSegment(@Payload() request: region.GetExampleSegmentRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<region.GetExampleSegmentResponse> {
    return this.regions.get(workspaceId, request);
  }

  findCloseness(@Payload() request: region.FindClosenessRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<region.FindClosenessResponse> {
    return this.regions.closeness(workspaceId, request);
  }
}
