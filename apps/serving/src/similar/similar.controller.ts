import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { similar } from '#libs/contracts';

import { SimilarService } from './similar.service.js';

@Controller()
@similar.SimilarityServiceControllerMethods()
export class SimilarController implements similar.SimilarityServiceController {
  constructor(private readonly similarity: SimilarService) {}

  listSimilarToCustomers(@Payload() request: similar.ListSimilarToCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<similar.ListSimilarToCustomersResponse> {
    return this.similarity.similarToEach(workspaceId, request);
  }

  listLookAlikes(@Payload() request: similar.ListLookAlikesRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<similar.ListLookAlikesResponse> {
    return this.similarity.lookAlikes(workspaceId, request);
  }

  getSimilaritySearch(@Payload() _request: similar.GetSimilaritySearchRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<similar.GetSimilaritySearchResponse> {
    return this.similarity.search(workspaceId);
  }
}
