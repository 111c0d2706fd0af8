import type { ServerWritableStream } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, Requires, type WorkspacePrincipal } from '#libs/auth';
import { unusual } from '#libs/contracts';
import { toObservable } from '#libs/grpc';

import { Call, outletOf } from '../change/call.outlet.js';
import { UnusualService } from './unusual.service.js';

type WatchCall = ServerWritableStream<unusual.WatchUnusualCustomersRequest, unusual.WatchUnusualCustomersResponse>;

@Controller()
@unusual.UnusualServiceControllerMethods()
export class UnusualController implements unusual.UnusualServiceController {
  constructor(private readonly unusual: UnusualService) {}

  getCustomerNovelty(@Payload() request: unusual.GetCustomerNoveltyRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<unusual.GetCustomerNoveltyResponse> {
    return this.unusual.ofCustomers(workspaceId, request);
  }

  listUnusualCustomers(@Payload() request: unusual.ListUnusualCustomersRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<unusual.ListUnusualCustomersResponse> {
    return this.unusual.list(workspaceId, request);
  }

  watchUnusualCustomers(
    @Payload() request: unusual.WatchUnusualCustomersRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
    @Call() call: WatchCall,
  ): Observable<unusual.WatchUnusualCustomersResponse> {
    return toObservable((signal) => this.unusual.watch(workspaceId, request, outletOf(call, signal)));
  }

  getNoveltyThresholds(@Payload() _request: unusual.GetNoveltyThresholdsRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<unusual.GetNoveltyThresholdsResponse> {
    return this.unusual.thresholds(workspaceId);
  }

  @Requires('ADMIN')
  setNoveltyThreshold(@Payload() request: unusual.SetNoveltyThresholdRequest, @Caller() { workspaceId }: WorkspacePrincipal): Promise<unusual.SetNoveltyThresholdResponse> {
    return this.unusual.setThreshold(workspaceId, request);
  }
}
