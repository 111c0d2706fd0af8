import type { ServerWritableStream } from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, type WorkspacePrincipal } from '#libs/auth';
import { unusualEvent } from '#libs/contracts';
import { toObservable } from '#libs/grpc';

import { Call, outletOf } from '../change/call.outlet.js';
import { UnusualEventService } from './unusual.event.service.js';

type WatchCall = ServerWritableStream<unusualEvent.WatchUnusualEventsRequest, unusualEvent.WatchUnusualEventsResponse>;

@Controller()
@unusualEvent.UnusualEventServiceControllerMethods()
export class UnusualEventController implements unusualEvent.UnusualEventServiceController {
  constructor(private readonly events: UnusualEventService) {}

  watchUnusualEvents(
    @Payload() request: unusualEvent.WatchUnusualEventsRequest,
    @Caller() { workspaceId }: WorkspacePrincipal,
    @Call() call: WatchCall,
  ): Observable<unusualEvent.WatchUnusualEventsResponse> {
    return toObservable((signal) => this.events.watch(workspaceId, request, outletOf(call, signal)));
  }
}
