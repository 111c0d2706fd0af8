import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { history } from '#libs/contracts';

import { HistoryService } from './history.service.js';

@Controller()
@history.HistoryServiceControllerMethods()
export class HistoryController implements history.HistoryServiceController {
  constructor(private readonly history: HistoryService) {}

  listPastMembersOfSegments(@Payload() request: history.ListPastMembersOfSegmentsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<history.ListPastMembersOfSegmentsResponse> {
    return this.history.ofSegments(workspaceId, request);
  }

  getPastMemberships(@Payload() request: history.GetPastMembershipsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<history.GetPastMembershipsResponse> {
    return this.history.ofCustomers(workspaceId, request);
  }
}
