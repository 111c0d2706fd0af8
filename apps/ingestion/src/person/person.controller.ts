import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { person } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { cutOf, UUID } from '../page.js';
import type { PersonKey, PersonRequestKind } from './person.repository.js';
import { PersonService } from './person.service.js';

const KIND: Partial<Record<person.PersonRequestKind, PersonRequestKind>> = {
  [person.PersonRequestKind.EXPORT]: 'EXPORT',
  [person.PersonRequestKind.ERASE]: 'ERASE',
  [person.PersonRequestKind.SUPPRESS]: 'SUPPRESS',
};

@Controller()
@Requires('ADMIN')
@person.PersonServiceControllerMethods()
export class PersonController implements person.PersonServiceController {
  constructor(private readonly persons: PersonService) {}

  async startPersonRequest(@Payload() request: person.StartPersonRequestRequest, @Caller() { workspaceId, actor }: WorkspacePrincipal): Promise<person.StartPersonRequestResponse> {
    const kind = KIND[request.kind];
    if (!kind) throw RpcError.invalid('Say what is asked for: EXPORT, ERASE or SUPPRESS.', { reason: 'KIND_MISSING' });
    return { request: await this.persons.start(workspaceId, actor, kind, keyOf(request)) };
  }

  async getPersonRequest(@Payload() { id }: person.GetPersonRequestRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<person.GetPersonRequestResponse> {
    if (!UUID.test(id)) throw RpcError.notFound(`There is no request ${id}.`, { reason: 'PERSON_REQUEST_UNKNOWN' });
    return { request: await this.persons.get(workspaceId, id) };
  }

  listPersonRequests(@Payload() { page }: person.ListPersonRequestsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<person.ListPersonRequestsResponse> {
    return this.persons.list(workspaceId, cutOf(page, [UUID]));
  }
}

function keyOf({ person: given }: person.StartPersonRequestRequest): PersonKey {
  if (!given || given.value.trim() === '' || given.value.includes('\0')) throw RpcError.invalid('Say whom: a customer id, a userId or an anonymousId.', { reason: 'KEY_MISSING' });
  if (given.$case === 'customerId' && !UUID.test(given.value)) throw RpcError.notFound('No customer has this id.', { reason: 'CUSTOMER_UNKNOWN' });
  return { kind: ({ customerId: 'CUSTOMER', userId: 'USER', anonymousId: 'ANONYMOUS' } as const)[given.$case], value: given.value };
}
