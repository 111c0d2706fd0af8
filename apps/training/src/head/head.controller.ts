import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type Principal, Requires } from '#libs/auth';
import { label } from '#libs/contracts';

import { HeadService } from './head.service.js';

type InWorkspace = Principal & { workspaceId: string };

@Controller()
@label.HeadServiceControllerMethods()
export class HeadController implements label.HeadServiceController {
  constructor(private readonly heads: HeadService) {}

  @Requires('EDITOR')
  async trainHead(@Payload() request: label.TrainHeadRequest, @Caller() caller: InWorkspace): Promise<label.TrainHeadResponse> {
    return { head: await this.heads.train(caller, request) };
  }

  async getHeads(@Payload() { ids }: label.GetHeadsRequest, @Caller() { workspaceId }: InWorkspace): Promise<label.GetHeadsResponse> {
    return { heads: await this.heads.get(workspaceId, ids) };
  }

  listHeadsOfLabelSets(@Payload() request: label.ListHeadsOfLabelSetsRequest, @Caller() { workspaceId }: InWorkspace): Promise<label.ListHeadsOfLabelSetsResponse> {
    return this.heads.listOfLabelSets(workspaceId, request);
  }

  @Requires('EDITOR')
  async cancelHead(@Payload() { id }: label.CancelHeadRequest, @Caller() { workspaceId }: InWorkspace): Promise<label.CancelHeadResponse> {
    return { head: await this.heads.cancel(workspaceId, id) };
  }
}
