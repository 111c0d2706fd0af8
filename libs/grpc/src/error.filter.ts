import { Catch, type ExceptionFilter } from '@nestjs/common';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { type Observable, throwError } from 'rxjs';

import { RpcError } from './error.js';

/** SQLSTATEs for a value that no column could hold or be compared with: a text with a NUL character, a time or number out of range. */
const VALUE_REFUSED = new Set(['22021', '22P05', '22003', '22007', '22008']);

/** SQLSTATEs, system errors and Prisma's codes of a database that went away, ends, begins or has no room: what was asked may be asked again. */
const DATABASE_AWAY = /^(?:08...|57P0[123]|53300|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|P1001|P1017|P2024)$/;
/** What `pg` says of a connection that broke, without a code. */
const CONNECTION_BROKEN = /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/;

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
    if (isDatabaseAway(error)) {
      this.log.warn({ err: error }, 'a gRPC handler could not reach the database');
      const away = new RpcError(status.UNAVAILABLE, 'The database cannot be reached just now. Try again in a moment.', { reason: 'DATABASE_AWAY' });
      return throwError(() => away.toServiceError());
    }
    this.log.error({ err: error }, 'unexpected failure in a gRPC handler');
    const hidden = new RpcError(status.INTERNAL, 'An unexpected failure; the service log has it.', { reason: 'INTERNAL' });
    return throwError(() => hidden.toServiceError());
  }
}

function isDatabaseAway(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, cause, meta } = error as { code?: unknown; message?: unknown; cause?: unknown; meta?: { driverAdapterError?: unknown } };
  if (typeof code === 'string' && DATABASE_AWAY.test(code)) return true;
  // Prisma tells of Postgres' own error inside its own.
  return (typeof message === 'string' && CONNECTION_BROKEN.test(message)) || isDatabaseAway(cause) || isDatabaseAway(meta?.driverAdapterError);
}
