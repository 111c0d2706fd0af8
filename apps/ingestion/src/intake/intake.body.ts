import { Transform } from 'node:stream';

import type { FastifyInstance } from 'fastify';

import { IntakeFullError } from '../event/event.failure.js';
import { ByteBudget } from './intake.budget.js';
import { inflated, isPacked } from './intake.inflate.js';

export interface BodyLimits {
  /** Of one request, packed and unpacked. */
  readonly maxBodyBytes: number;
  readonly maxPendingBytes: number;
  /** A client that has not sent its whole body by then is let go. */
  readonly bodySeconds: number;
}

/**
 * Counts bodies as they arrive and until they are answered. What a client merely announces costs nothing, so that
 * stalled ones keep nobody out; and none may stall for long.
 */
export function boundBodies(scope: FastifyInstance, { maxBodyBytes, maxPendingBytes, bodySeconds }: BodyLimits): void {
  const budget = new ByteBudget(maxPendingBytes);
  scope.addHook('preParsing', (request, reply, payload, done) => {
    let isGzip: boolean;
    try {
      isGzip = isPacked(request.headers['content-encoding']);
    } catch (error) {
      return done(error as Error);
    }
    const share = budget.share();
    const late = setTimeout(() => request.raw.socket.destroy(), bodySeconds * 1_000);
    payload.once('end', () => clearTimeout(late));
    // Once, whether it was answered or the client went away.
    reply.raw.once('close', () => {
      clearTimeout(late);
      share.release();
    });
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, next) => (share.take(chunk.length) ? next(null, chunk) : next(new IntakeFullError())),
    });
    payload.once('error', (error) => counted.destroy(error));
    payload.pipe(counted);
    done(null, isGzip ? inflated(counted, share, maxBodyBytes) : counted);
  });
}
