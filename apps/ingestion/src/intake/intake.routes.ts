import cors from '@fastify/cors';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

import type { EventPlan, EventType, IntakeItem } from '../event/event.js';
import { IntakeFullError, IntakeUnavailableError, RateLimitedError } from '../event/event.failure.js';
import type { EventRates } from '../event/event.rates.js';
import type { EventWriter } from '../event/event.writer.js';
import { type BodyLimits, boundBodies } from './intake.body.js';
import { ForbiddenKeyError, type KeyReader, NotReadyError, principalOf, UnknownKeyError } from './intake.key.js';
import { BodyTooLargeError, countEvents, PATHS, presentedKeys, readBody, readEvents, UnreadableBodyError } from './intake.request.js';

/** What the intake asks of the tracking plans. */
export interface PlanReader {
  /** Undefined: the workspace has declared nothing. Throws IntakeUnavailableError while that is not known. */
  of(workspaceId: string): EventPlan | undefined;
}

export interface IntakeParts extends BodyLimits {
  readonly writer: EventWriter;
  readonly rates: EventRates;
  readonly keys: KeyReader;
  readonly plans: PlanReader;
  readonly log: Logger;
}

/**
 * Segment's tracking API. 200 once everything of the request is committed, stored or quarantined; 400 only for
 * a body that cannot be read at all, because clients drop what is answered so.
 */
export function intakeRoutes(parts: IntakeParts) {
  return async (scope: FastifyInstance): Promise<void> => {
    await scope.register(cors, { origin: true, credentials: true, methods: ['POST'], maxAge: 86_400 });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: parts.maxBodyBytes }, (_request, body, done) => done(null, body));
    boundBodies(scope, parts);
    scope.setErrorHandler((error: FastifyError, _request, reply) => answerError(error, reply, parts.log));
    for (const [path, type] of Object.entries(PATHS)) {
      // A slash too many is no reason to lose a batch, as clients do that are answered with 404.
      for (const end of ['', '/']) scope.post(`/v1/${path}${end}`, { bodyLimit: parts.maxBodyBytes }, (request) => take(parts, type, request));
    }
  };
}

async function take(parts: IntakeParts, type: EventType | null, request: FastifyRequest): Promise<{ success: true }> {
  const { workspaceId, items } = await eventsOf(parts, type, request);
  await parts.writer.submit(workspaceId, 'http', items);
  return { success: true };
}

/** Apart from their commit, so that the parsed body, many times as large as it was, is not held while it is waited for. */
async function eventsOf({ rates, keys, plans }: IntakeParts, type: EventType | null, request: FastifyRequest): Promise<{ workspaceId: string; items: IntakeItem[] }> {
  const body = readBody(request.body);
  const { actor, workspaceId } = principalOf(keys, presentedKeys(request.headers.authorization, body));
  await rates.take(actor, countEvents(body));
  return { workspaceId, items: readEvents(type, body, new Date(), plans.of(workspaceId)) };
}

function answerError(error: FastifyError, reply: FastifyReply, log: Logger): FastifyReply {
  const answer = (status: number, code: string) => reply.code(status).send({ success: false, code, message: error.message });
  if (error instanceof RateLimitedError) return answerLater(reply, 429, 'rate_limited', error);
  if (error instanceof IntakeFullError) return answerLater(reply, 429, 'full', error);
  if (error instanceof IntakeUnavailableError || error instanceof NotReadyError) {
    log.warn({ err: error }, 'the intake cannot store events now');
    return answerLater(reply, 503, 'unavailable', error);
  }
  if (error instanceof UnreadableBodyError) return answer(400, 'unreadable');
  if (error instanceof UnknownKeyError) return answer(401, 'unknown_key');
  if (error instanceof ForbiddenKeyError) return answer(403, 'forbidden');
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' || error instanceof BodyTooLargeError) return answer(400, 'too_large');
  if (error.statusCode !== undefined && error.statusCode < 500) return answer(error.statusCode, 'bad_request');
  log.error({ err: error }, 'unexpected failure at the intake');
  return reply.code(503).header('retry-after', '2').send({ success: false, code: 'internal', message: 'An unexpected failure. Send again.' });
}

function answerLater(reply: FastifyReply, status: number, code: string, error: Error & { retryAfterSeconds: number }): FastifyReply {
  return reply
    .code(status)
    .header('retry-after', String(error.retryAfterSeconds))
    .send({ success: false, code, message: error.message });
}
