import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type Principal, Requires } from '#libs/auth';
import { training } from '#libs/contracts';

import { ModelService } from './model.service.js';

type InWorkspace = Principal & { workspaceId: string };

@Controller()
@training.ModelServiceControllerMethods()
export class ModelController implements training.ModelServiceController {
  constructor(private readonly models: ModelService) {}

  async getModels(@Payload() request: training.GetModelsRequest, @Caller() { workspaceId }: InWorkspace): Promise<training.GetModelsResponse> {
    return { models: await this.models.get(workspaceId, request) };
  }

  listModels(@Payload() request: training.ListModelsRequest, @Caller() { workspaceId }: InWorkspace): Promise<training.ListModelsResponse> {
    return this.models.list(workspaceId, request);
  }

  @Requires('EDITOR')
  async promoteModel(@Payload() { id }: training.PromoteModelRequest, @Caller() caller: InWorkspace): Promise<training.PromoteModelResponse> {
    return { model: await this.models.promote(caller, id) };
  }

  @Requires('EDITOR')
  async rollbackModel(@Payload() _: training.RollbackModelRequest, @Caller() caller: InWorkspace): Promise<training.RollbackModelResponse> {
    return { model: await this.models.rollback(caller) };
  }
}
