import { Catch, type ExceptionFilter } from '@nestjs/common';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { type Observable, throwError } from 'rxjs';

import { RpcError } from './error.js';

/** Turns what a gRPC handler throws into a status; what nobody expected is logged and told without its insides. */
@Catch()
export class RpcErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(error: unknown): Observable<never> {
    if (error instanceof RpcError) return throwError(() => error.toServiceError());
    this.log.error({ err: error }, 'unexpected failure in a gRPC handler');
    const hidden = new RpcError(status.INTERNAL, 'An unexpected failure; the service log has it.', { reason: 'INTERNAL' });
    return throwError(() => hidden.toServiceError());
  }
}
