import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { map, type Observable } from 'rxjs';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { customerList } from '#libs/contracts';
import { expectFewIds, toObservable } from '#libs/grpc';

import { CustomerListFile } from './customer-list.file.js';
import { CustomerListRepository } from './customer-list.repository.js';

const MOST_IDS = 5_000;

@Controller()
@customerList.CustomerListServiceControllerMethods()
export class CustomerListController implements customerList.CustomerListServiceController {
  constructor(
    private readonly repository: CustomerListRepository,
    private readonly files: CustomerListFile,
  ) {}

  async findCustomerIds(@Payload() { userIds }: customerList.FindCustomerIdsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<customerList.FindCustomerIdsResponse> {
    expectFewIds(userIds, MOST_IDS);
    // Postgres knows no text with a NUL in it; such an id would fail those that are asked for beside it.
    return { customers: await this.repository.find(workspaceId, [...new Set(userIds)].filter((id) => !id.includes('\0'))) };
  }

  @Requires('SERVICE')
  readCustomerList(@Payload() request: customerList.ReadCustomerListRequest, @Caller() { workspaceId }: WorkspacePrincipal): Observable<customerList.ReadCustomerListResponse> {
    return toObservable((signal) => this.files.read(workspaceId, request, signal)).pipe(map((rows) => ({ rows })));
  }
}
