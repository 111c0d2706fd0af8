import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { label } from '#libs/contracts';

import { HeadService } from './head.service.js';

@Controller()
@label.HeadServiceControllerMethods()
export class HeadController implements label.HeadServiceController {
  constructor(private readonly heads: HeadService) {}

  @Requires('EDITOR')
  async trainHead(@Payload() request: label.TrainHeadRequest, @Caller() caller: WorkspacePrincipal): Promise<label.TrainHeadResponse> {
    return { head: await this.heads.train(caller, request) };
  }

  async getHeads(@Payload() { ids }: label.GetHeadsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.GetHeadsResponse> {
    return { heads: await this.heads.get(workspaceId, ids) };
  }

  listHeadsOfLabelSets(@Payload() request: label.ListHeadsOfLabelSetsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.ListHeadsOfLabelSetsResponse> {
    return this.heads.listOfLabelSets(workspaceId, request);
  }

  @Requires('EDITOR')
  async cancelHead(@Payload() { id }: label.CancelHeadRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.CancelHeadResponse> {
    return { head: await this.heads.cancel(workspaceId, id) };
  }
}
