import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { identity } from '#libs/contracts';
import { isStorable } from '#libs/database';
import { RpcError } from '#libs/grpc';

import { type Hint, HINT } from '../event/event.module.js';
import { cutOfEach, pageOf, UUID } from '../page.js';
import { plainId } from './blocked.ids.js';
import { BlockedIdRepository } from './blocked.repository.js';
import { blockedIdOf, blockedIdsOf, mergeOf } from './identity.mapper.js';
import { MergeRepository } from './merge.repository.js';

const LONGEST_ID = 256;

@Controller()
@identity.IdentityServiceControllerMethods()
export class IdentityController implements identity.IdentityServiceController {
  constructor(
    private readonly merges: MergeRepository,
    private readonly blocked: BlockedIdRepository,
    @Inject(HINT) private readonly hint: Hint,
  ) {}

  async listMergesOfCustomers(@Payload() request: identity.ListMergesOfCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<identity.ListMergesOfCustomersResponse> {
    const { customerIds, page, withTotal } = request;
    const cut = cutOfEach(customerIds, page, [UUID]);
    const lists = await this.merges.listOfCustomers(workspaceId, customerIds.filter((id) => UUID.test(id)), cut, withTotal);
    return {
      customers: customerIds.flatMap((customerId) => {
        const list = lists.get(customerId.toLowerCase());
        if (!list) return [];
        const { rows, pageInfo } = pageOf(list.rows, cut, list.total, ({ id }) => [id]);
        return [{ customerId, merges: rows.map(mergeOf), pageInfo }];
      }),
    };
  }

  @Requires('ADMIN')
  async undoMerge(@Payload() { id }: identity.UndoMergeRequest, @Caller() { workspaceId, actor }: WorkspacePrincipal): Promise<identity.UndoMergeResponse> {
    const undoing = UUID.test(id) ? await this.merges.undo(workspaceId, id, actor) : ({ outcome: 'UNKNOWN' } as const);
    if (undoing.outcome !== 'UNDONE') {
      if (undoing.outcome === 'UNKNOWN') throw RpcError.notFound(`There is no merge ${id}.`, { reason: 'MERGE_UNKNOWN' });
      throw RpcError.precondition('This merge was undone already.', { reason: 'MERGE_UNDONE' });
    }
    this.hint(workspaceId);
    return { merge: mergeOf(undoing.merge), customerIds: [...undoing.customerIds] };
  }

  async listBlockedIds(_request: identity.ListBlockedIdsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<identity.ListBlockedIdsResponse> {
    return { ids: blockedIdsOf(await this.blocked.read(workspaceId)) };
  }

  @Requires('ADMIN')
  async setBlockedId(@Payload() request: identity.SetBlockedIdRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<identity.SetBlockedIdResponse> {
    const value = plainId(request.value);
    if (value === '' || value.length > LONGEST_ID || !isStorable(value)) {
      throw RpcError.invalid(`A blocked value is a text of 1 to ${LONGEST_ID} characters; a blank one is no id anyway.`, { reason: 'ID_INVALID' });
    }
    await this.blocked.write(workspaceId, value, request.blocked);
    return { id: blockedIdOf(value, { [value]: request.blocked }) };
  }
}
