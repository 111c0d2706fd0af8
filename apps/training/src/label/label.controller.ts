import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { label } from '#libs/contracts';

import { LabelSetRemoval } from '../head/label-set.removal.js';
import { LabelService } from './label.service.js';

@Controller()
@label.LabelServiceControllerMethods()
export class LabelController implements label.LabelServiceController {
  constructor(
    private readonly labels: LabelService,
    private readonly removal: LabelSetRemoval,
  ) {}

  @Requires('EDITOR')
  async createLabelSet(@Payload() request: label.CreateLabelSetRequest, @Caller() caller: WorkspacePrincipal): Promise<label.CreateLabelSetResponse> {
    return { labelSet: await this.labels.create(caller, request) };
  }

  async getLabelSets(@Payload() { ids }: label.GetLabelSetsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.GetLabelSetsResponse> {
    return { labelSets: await this.labels.get(workspaceId, ids) };
  }

  listLabelSets(@Payload() request: label.ListLabelSetsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.ListLabelSetsResponse> {
    return this.labels.list(workspaceId, request);
  }

  @Requires('EDITOR')
  addLabels(@Payload() request: label.AddLabelsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.AddLabelsResponse> {
    return this.labels.add(workspaceId, request);
  }

  @Requires('EDITOR')
  async deleteLabelSet(@Payload() { id }: label.DeleteLabelSetRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.DeleteLabelSetResponse> {
    await this.removal.remove(workspaceId, id);
    return {};
  }

  @Requires('SERVICE')
  async getPersonLabels(@Payload() { userIds }: label.GetPersonLabelsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.GetPersonLabelsResponse> {
    return { labels: await this.labels.ofPerson(workspaceId, userIds) };
  }

  @Requires('SERVICE')
  async forgetLabels(@Payload() { userIds }: label.ForgetLabelsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<label.ForgetLabelsResponse> {
    return { labels: await this.labels.forget(workspaceId, userIds) };
  }
}
