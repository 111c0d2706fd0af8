import { Controller, Inject } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { ingestion } from '#libs/contracts';
import { isStorable } from '#libs/database';
import { expectFewIds, RpcError } from '#libs/grpc';

import type { KeyedDigest } from '../identity/keyed.digest.js';
import { cutOf, pageOf, UUID } from '../page.js';
import { customerOf } from './customer.mapper.js';
import { CustomerRepository, ID_DIGEST } from './customer.repository.js';

@Controller()
@ingestion.CustomerServiceControllerMethods()
export class CustomerController implements ingestion.CustomerServiceController {
  constructor(
    private readonly customers: CustomerRepository,
    @Inject(ID_DIGEST) private readonly digest: KeyedDigest,
  ) {}

  async getCustomers(@Payload() request: ingestion.GetCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.GetCustomersResponse> {
    expectFewIds(request.ids);
    // What is no id of ours is as unknown as an id that never was.
    const found = await this.customers.find(workspaceId, request.ids.filter((id) => UUID.test(id)), request.unmerged);
    return { customers: [...found].map(([requestedId, row]) => ({ requestedId, customer: customerOf(row) })) };
  }

  async resolveCustomer(@Payload() request: ingestion.ResolveCustomerRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.ResolveCustomerResponse> {
    const { key } = request;
    if (!key) throw RpcError.invalid('Name a userId or an anonymousId.', { reason: 'KEY_MISSING' });
    const row = (await this.customers.resolve(workspaceId, key.$case === 'userId' ? 'USER' : 'ANONYMOUS', [key.value])).get(key.value);
    if (!row) throw RpcError.notFound(`No customer has the ${key.$case} "${key.value}".`, { reason: 'CUSTOMER_UNKNOWN' });
    return { customer: customerOf(row) };
  }

  async resolveCustomers(@Payload() { userIds }: ingestion.ResolveCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.ResolveCustomersResponse> {
    expectFewIds(userIds);
    // An id that Postgres cannot hold is nobody's, and would fail those that are asked for beside it.
    return { customers: await this.customers.locate(workspaceId, [...new Set(userIds)].filter(isStorable)) };
  }

  @Requires('SERVICE')
  async nameCustomers(@Payload() { ids }: ingestion.NameCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.NameCustomersResponse> {
    expectFewIds(ids);
    const rows = await this.customers.names(workspaceId, ids.filter((id) => UUID.test(id)));
    const ofAll = rows.flatMap(({ externalIds }) => externalIds.map((id) => this.digest(workspaceId, id)));
    const suppressed = await this.customers.suppressedAmong(workspaceId, ofAll);
    return {
      customers: rows.map(({ requestedId, id, userId, anonymousId, externalIds }) => ({
        requestedId, id, userId: userId ?? '', anonymousId: anonymousId ?? '',
        suppressed: externalIds.some((one) => suppressed.has(this.digest(workspaceId, one).toString('hex'))),
      })),
    };
  }

  async listCustomers(@Payload() request: ingestion.ListCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<ingestion.ListCustomersResponse> {
    const cut = cutOf(request.page, [UUID]);
    // No id begins with what Postgres cannot hold.
    const { rows, total } = isStorable(request.search) ? await this.customers.list(workspaceId, request.search, cut) : { rows: [], total: 0 };
    const page = pageOf(rows, cut, total, ({ id }) => [id]);
    return { customers: page.rows.map(customerOf), pageInfo: page.pageInfo };
  }
}
