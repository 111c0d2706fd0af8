import type { ServerWritableStream } from '@grpc/grpc-js';
import { Controller, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import type { Observable } from 'rxjs';

import { Caller, type Principal } from '#libs/auth';
import { serving } from '#libs/contracts';
import { toObservable } from '#libs/grpc';

import { ChangeService } from '../change/change.service.js';
import { MemberService } from './member.service.js';

type Member = Principal & { workspaceId: string };
type WatchCall = ServerWritableStream<serving.WatchMembershipChangesRequest, serving.WatchMembershipChangesResponse>;

/** The call itself: the only one who knows whether its consumer keeps up. */
const Call = createParamDecorator((_: unknown, context: ExecutionContext) => context.getArgByIndex<unknown>(2));

@Controller()
@serving.MembershipServiceControllerMethods()
export class MembershipController implements serving.MembershipServiceController {
  constructor(
    private readonly members: MemberService,
    private readonly changes: ChangeService,
  ) {}

  getCustomerMemberships(
    @Payload() request: serving.GetCustomerMembershipsRequest,
    @Caller() { workspaceId }: Member,
  ): Promise<serving.GetCustomerMembershipsResponse> {
    return this.members.ofCustomers(workspaceId, request);
  }

  listMembershipChanges(
    @Payload() request: serving.ListMembershipChangesRequest,
    @Caller() { workspaceId }: Member,
  ): Promise<serving.ListMembershipChangesResponse> {
    return this.changes.list(workspaceId, request);
  }

  watchMembershipChanges(
    @Payload() request: serving.WatchMembershipChangesRequest,
    @Caller() { workspaceId }: Member,
    @Call() call: WatchCall,
  ): Observable<serving.WatchMembershipChangesResponse> {
    return toObservable((signal) => this.changes.watch(workspaceId, request, { signal, ready: () => untilTaken(call, signal) }));
  }
}

/** Resolves when the consumer has taken what was written, so that a slow one costs one page of memory and no more. */
async function untilTaken(call: WatchCall, signal: AbortSignal): Promise<void> {
  while (call.writableNeedDrain && !signal.aborted && !call.cancelled) {
    await new Promise<void>((resolve) => {
      const done = () => {
        call.off('drain', done).off('close', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      call.once('drain', done).once('close', done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
