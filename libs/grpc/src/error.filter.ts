import { Catch, type ExceptionFilter } from '@nestjs/common';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { type Observable, throwError } from 'rxjs';

import { RpcError } from './error.js';

/** SQLSTATEs for a value that no column could hold or be compared with: a text with a NUL character, a time or number out of range. */
const VALUE_REFUSED = new Set(['22021', '22P05', '22003', '22007', '22008']);

/** Turns what a gRPC handler throws into a status; what nobody expected is logged and told without its insides. */
@Catch()
export class RpcErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(error: unknown): Observable<never> {
    if (error instanceof RpcError) return throwError(() => error.toServiceError());
    if (VALUE_REFUSED.has((error as { code?: string } | null)?.code ?? '')) {
      const invalid = RpcError.invalid(`A value cannot be read: ${(error as Error).message}`, { reason: 'VALUE_INVALID', cause: error });
      return throwError(() => invalid.toServiceError());
    }
    this.log.error({ err: error }, 'unexpected failure in a gRPC handler');
    const hidden = new RpcError(status.INTERNAL, 'An unexpected failure; the service log has it.', { reason: 'INTERNAL' });
    return throwError(() => hidden.toServiceError());
  }
}
