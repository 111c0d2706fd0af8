import type { ServerWritableStream } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { serving } from '#libs/contracts';
import { toObservable } from '#libs/grpc';

import { Call, outletOf } from '../change/call.outlet.js';
import { ChangeService } from '../change/change.service.js';
import { MemberService } from './member.service.js';

type WatchCall = ServerWritableStream<serving.WatchMembershipChangesRequest, serving.WatchMembershipChangesResponse>;

@Controller()
@serving.MembershipServiceControllerMethods()
export class MembershipController implements serving.MembershipServiceController {
  constructor(
    private readonly members: MemberService,
    private readonly changes: ChangeService,
  ) {}

  getCustomerMemberships(
    @Payload() request: serving.GetCustomerMembershipsRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<serving.GetCustomerMembershipsResponse> {
    return this.members.ofCustomers(workspaceId, request);
  }

  getUserMemberships(
    @Payload() request: serving.GetUserMembershipsRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<serving.GetUserMembershipsResponse> {
    return this.members.ofUsers(workspaceId, request);
  }

  listMembershipChanges(
    @Payload() request: serving.ListMembershipChangesRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<serving.ListMembershipChangesResponse> {
    return this.changes.list(workspaceId, request);
  }

  listChangesOfCustomers(
    @Payload() request: serving.ListChangesOfCustomersRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
  ): Promise<serving.ListChangesOfCustomersResponse> {
    return this.changes.ofCustomers(workspaceId, request);
  }

  watchMembershipChanges(
    @Payload() request: serving.WatchMembershipChangesRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
    @Call() call: WatchCall,
  ): Observable<serving.WatchMembershipChangesResponse> {
    return toObservable((signal) => this.changes.watch(workspaceId, request, outletOf(call, signal)));
  }
}
