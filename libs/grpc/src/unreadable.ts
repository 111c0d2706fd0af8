import type { ServiceDefinition } from '@grpc/grpc-js';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';

import { RpcError } from './error.js';

/** Stands for a request that its codec cannot read: a time beyond the calendar, a whole number beyond 2⁵³, an unknown value of an enum. */
class UnreadableRequest {
  constructor(readonly cause: Error) {}
}

/** The definition, whose requests are handed on where they cannot be read: grpc-js itself would call it a failure of the service. */
export function handingOnUnreadable(definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(definition).map(([name, method]) => {
      const decode = method.requestDeserialize;
      const requestDeserialize = (bytes: Buffer): unknown => {
        try {
          return decode(bytes);
        } catch (error) {
          return new UnreadableRequest(error as Error);
        }
      };
      // The messages of a stream reach no guard.
      return [name, method.requestStream ? method : { ...method, requestDeserialize }];
    }),
  );
}

/** Refuses what could not be read, before any handler sees it. INVALID_ARGUMENT (reason REQUEST_UNREADABLE). */
@Injectable()
export class ReadableGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'rpc') return true;
    const request: unknown = context.switchToRpc().getData();
    if (request instanceof UnreadableRequest) throw RpcError.invalid(`The request cannot be read: ${request.cause.message}.`, { reason: 'REQUEST_UNREADABLE' });
    return true;
  }
}
