import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';

import { Caller, type Principal } from '#libs/auth';
import { ingestion } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { cutOf, pageOf, UUID } from '../page.js';
import { customerOf } from './customer.mapper.js';
import { CustomerRepository } from './customer.repository.js';

const MOST_IDS = 500;

@Controller()
@ingestion.CustomerServiceControllerMethods()
export class CustomerController implements ingestion.CustomerServiceController {
  constructor(private readonly customers: CustomerRepository) {}

  async getCustomers(@Payload() request: ingestion.GetCustomersRequest, @Caller() { workspaceId }: Principal & { workspaceId: string }): Promise<ingestion.GetCustomersResponse> {
    bound(request.ids);
    // What is no id of ours is as unknown as an id that never was.
    const found = await this.customers.find(workspaceId, request.ids.filter((id) => UUID.test(id)));
    return { customers: [...found].map(([requestedId, row]) => ({ requestedId, customer: customerOf(row) })) };
  }

  async resolveCustomer(@Payload() request: ingestion.ResolveCustomerRequest, @Caller() { workspaceId }: Principal & { workspaceId: string }): Promise<ingestion.ResolveCustomerResponse> {
    const { key } = request;
    if (!key) throw RpcError.invalid('Name a userId or an anonymousId.', { reason: 'KEY_MISSING' });
    const row = (await this.customers.resolve(workspaceId, key.$case === 'userId' ? 'USER' : 'ANONYMOUS', [key.value])).get(key.value);
    if (!row) throw RpcError.notFound(`No customer has the ${key.$case} "${key.value}".`, { reason: 'CUSTOMER_UNKNOWN' });
    return { customer: customerOf(row) };
  }

  async resolveCustomers(@Payload() { userIds }: ingestion.ResolveCustomersRequest, @Caller() { workspaceId }: Principal & { workspaceId: string }): Promise<ingestion.ResolveCustomersResponse> {
    bound(userIds);
    // Postgres knows no text with a NUL in it; such an id would fail those that are asked for beside it.
    return { customers: await this.customers.locate(workspaceId, [...new Set(userIds)].filter((id) => !id.includes('\0'))) };
  }

  async listCustomers(@Payload() request: ingestion.ListCustomersRequest, @Caller() { workspaceId }: Principal & { workspaceId: string }): Promise<ingestion.ListCustomersResponse> {
    const cut = cutOf(request.page, [UUID]);
    const { rows, total } = await this.customers.list(workspaceId, request.search, cut);
    const page = pageOf(rows, cut, total, ({ id }) => [id]);
    return { customers: page.rows.map(customerOf), pageInfo: page.pageInfo };
  }
}

function bound(ids: readonly string[]): void {
  if (ids.length > MOST_IDS) throw RpcError.invalid(`At most ${MOST_IDS} ids at once.`, { reason: 'TOO_MANY_IDS', metadata: { most: String(MOST_IDS) } });
}
