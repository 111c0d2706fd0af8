import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { definition } from '#libs/contracts';

import { DefinitionService } from './definition.service.js';

@Controller()
@definition.SegmentDefinitionServiceControllerMethods()
export class DefinitionController implements definition.SegmentDefinitionServiceController {
  constructor(private readonly definitions: DefinitionService) {}

  @Requires('EDITOR')
  createDefinedSegment(
    @Payload() request: definition.CreateDefinedSegmentRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<definition.CreateDefinedSegmentResponse> {
    return this.definitions.create(workspaceId, request);
  }

  @Requires('EDITOR')
  updateDefinedSegment(
    @Payload() request: definition.UpdateDefinedSegmentRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<definition.UpdateDefinedSegmentResponse> {
    return this.definitions.update(workspaceId, request);
  }

  @Requires('EDITOR')
  deleteDefinedSegment(
    @Payload() request: definition.DeleteDefinedSegmentRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<definition.DeleteDefinedSegmentResponse> {
    return this.definitions.delete(workspaceId, request);
  }

  @Requires('EDITOR')
  previewDefinedSegment(
    @Payload() request: definition.PreviewDefinedSegmentRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<definition.PreviewDefinedSegmentResponse> {
    return this.definitions.preview(workspaceId, request);
  }

  getSegmentDefinition(
    @Payload() request: definition.GetSegmentDefinitionRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<definition.GetSegmentDefinitionResponse> {
    return this.definitions.get(workspaceId, request);
  }

  @Requires('EDITOR')
  getRuleNotices(
    @Payload() request: definition.GetRuleNoticesRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<definition.GetRuleNoticesResponse> {
    return this.definitions.notices(workspaceId, request);
  }

  findConditions(
    @Payload() request: definition.FindConditionsRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<definition.FindConditionsResponse> {
    return this.definitions.findings(workspaceId, request);
  }
}
