import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { quarantine } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { rejectedOf, stateOf } from '../event/event.mapper.js';
import { groupOf } from './quarantine.mapper.js';
import { QuarantineRepository } from './quarantine.repository.js';
import { QuarantineService } from './quarantine.service.js';

const USUAL_GROUPS = 25;
const MOST_GROUPS = 100;

@Controller()
@quarantine.QuarantineServiceControllerMethods()
export class QuarantineController implements quarantine.QuarantineServiceController {
  constructor(
    private readonly quarantine: QuarantineService,
    private readonly repository: QuarantineRepository,
  ) {}

  async listRejectedEventGroups(
    @Payload() { state, first }: quarantine.ListRejectedEventGroupsRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<quarantine.ListRejectedEventGroupsResponse> {
    if (first > MOST_GROUPS) throw RpcError.invalid(`A list has at most ${MOST_GROUPS} groups.`, { reason: 'PAGE_TOO_LARGE', metadata: { most: String(MOST_GROUPS) } });
    const { groups, total } = await this.repository.groups(workspaceId, stateOf(state) || 'OPEN', first || USUAL_GROUPS);
    return { groups: groups.map(groupOf), totalCount: total };
  }

  async getRejectedEvent(@Payload() { id }: quarantine.GetRejectedEventRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<quarantine.GetRejectedEventResponse> {
    return { event: rejectedOf(await this.quarantine.get(workspaceId, id)) };
  }

  @Requires('EDITOR')
  async mendRejectedEvent(
    @Payload() { id, payload }: quarantine.MendRejectedEventRequest,
    @Caller() asker: WorkspacePrincipal,
  ): Promise<quarantine.MendRejectedEventResponse> {
    return { event: rejectedOf(await this.quarantine.mend(asker, id, payload)) };
  }

  @Requires('EDITOR')
  async replayRejectedEvents(@Payload() request: quarantine.ReplayRejectedEventsRequest, @Caller() asker: WorkspacePrincipal): Promise<quarantine.ReplayRejectedEventsResponse> {
    return this.quarantine.replay(asker, request);
  }

  @Requires('EDITOR')
  async discardRejectedEvents(@Payload() request: quarantine.DiscardRejectedEventsRequest, @Caller() asker: WorkspacePrincipal): Promise<quarantine.DiscardRejectedEventsResponse> {
    return this.quarantine.discard(asker, request);
  }
}
