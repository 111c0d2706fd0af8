import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type Principal, Requires } from '#libs/auth';
import { identity } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { type Hint, HINT } from '../event/event.module.js';
import { cutOf, pageOf, UUID } from '../page.js';
import { plainId } from './blocked.ids.js';
import { BlockedIdRepository } from './blocked.repository.js';
import { blockedIdOf, blockedIdsOf, mergeOf } from './identity.mapper.js';
import { MergeRepository } from './merge.repository.js';

type InWorkspace = Principal & { workspaceId: string };
const LONGEST_ID = 256;

@Controller()
@identity.IdentityServiceControllerMethods()
export class IdentityController implements identity.IdentityServiceController {
  constructor(
    private readonly merges: MergeRepository,
    private readonly blocked: BlockedIdRepository,
    @Inject(HINT) private readonly hint: Hint,
  ) {}

  async listMerges(@Payload() { customerId, page }: identity.ListMergesRequest, @Caller() { workspaceId }: InWorkspace): Promise<identity.ListMergesResponse> {
    const cut = cutOf(page, [UUID]);
    const found = UUID.test(customerId) ? await this.merges.listOfCustomer(workspaceId, customerId, cut) : undefined;
    if (!found) throw RpcError.notFound(`There is no customer ${customerId}.`, { reason: 'CUSTOMER_UNKNOWN' });
    const { rows, pageInfo } = pageOf(found.rows, cut, found.total, ({ id }) => [id]);
    return { merges: rows.map(mergeOf), pageInfo };
  }

  @Requires('ADMIN')
  async undoMerge(@Payload() { id }: identity.UndoMergeRequest, @Caller() { workspaceId, actor }: InWorkspace): Promise<identity.UndoMergeResponse> {
    const undoing = UUID.test(id) ? await this.merges.undo(workspaceId, id, actor) : ({ outcome: 'UNKNOWN' } as const);
    if (undoing.outcome !== 'UNDONE') {
      if (undoing.outcome === 'UNKNOWN') throw RpcError.notFound(`There is no merge ${id}.`, { reason: 'MERGE_UNKNOWN' });
      throw RpcError.precondition('This merge was undone already.', { reason: 'MERGE_UNDONE' });
    }
    this.hint(workspaceId);
    return { merge: mergeOf(undoing.merge), customerIds: [...undoing.customerIds] };
  }

  async listBlockedIds(_request: identity.ListBlockedIdsRequest, @Caller() { workspaceId }: InWorkspace): Promise<identity.ListBlockedIdsResponse> {
    return { ids: blockedIdsOf(await this.blocked.read(workspaceId)) };
  }

  @Requires('ADMIN')
  async setBlockedId(@Payload() request: identity.SetBlockedIdRequest, @Caller() { workspaceId }: InWorkspace): Promise<identity.SetBlockedIdResponse> {
    const value = plainId(request.value);
    if (value === '' || value.length > LONGEST_ID || value.includes('\0') || !value.isWellFormed()) {
      throw RpcError.invalid(`A blocked value is a text of 1 to ${LONGEST_ID} characters; a blank one is no id anyway.`, { reason: 'ID_INVALID' });
    }
    await this.blocked.write(workspaceId, value, request.blocked);
    return { id: blockedIdOf(value, { [value]: request.blocked }) };
  }
}
