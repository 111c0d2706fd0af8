import { RpcError, status } from '#libs/grpc';

import { IntakeFullError, IntakeUnavailableError, RateLimitedError } from './event.failure.js';

/** Throws what kept the intake from storing as callers over gRPC are told it. */
export function asRpcError(error: unknown): never {
  if (error instanceof RateLimitedError) {
    throw new RpcError(status.RESOURCE_EXHAUSTED, error.message, { reason: 'RATE_LIMITED', metadata: { retryAfterSeconds: String(error.retryAfterSeconds) } });
  }
  if (error instanceof IntakeFullError) {
    throw new RpcError(status.RESOURCE_EXHAUSTED, error.message, { reason: 'INTAKE_FULL', metadata: { retryAfterSeconds: String(error.retryAfterSeconds) } });
  }
  if (error instanceof IntakeUnavailableError) {
    throw new RpcError(status.UNAVAILABLE, error.message, { reason: 'INTAKE_UNAVAILABLE', metadata: { retryAfterSeconds: String(error.retryAfterSeconds) }, cause: error });
  }
  throw error;
}
