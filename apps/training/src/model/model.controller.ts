import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { training } from '#libs/contracts';

import { ModelService } from './model.service.js';

@Controller()
@training.ModelServiceControllerMethods()
export class ModelController implements training.ModelServiceController {
  constructor(private readonly models: ModelService) {}

  async getModels(@Payload() request: training.GetModelsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<training.GetModelsResponse> {
    return { models: await this.models.get(workspaceId, request) };
  }

  listModels(@Payload() request: training.ListModelsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<training.ListModelsResponse> {
    return this.models.list(workspaceId, request);
  }

  @Requires('EDITOR')
  async promoteModel(@Payload() { id }: training.PromoteModelRequest, @Caller() caller: WorkspacePrincipal): Promise<training.PromoteModelResponse> {
    return { model: await this.models.promote(caller, id) };
  }

  @Requires('EDITOR')
  async rollbackModel(@Payload() _: training.RollbackModelRequest, @Caller() caller: WorkspacePrincipal): Promise<training.RollbackModelResponse> {
    return { model: await this.models.rollback(caller) };
  }
}
