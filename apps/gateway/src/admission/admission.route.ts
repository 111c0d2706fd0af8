import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { type Keys, callerOf, keyOf } from './caller.js';
import type { Caller } from '../graphql/message.js';

export const GRAPHQL_PATH = '/graphql';

const callers = new WeakMap<FastifyRequest, Caller>();

/** Who calls, for a request that was let in. */
export function admitted(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (!caller) throw new Error('a request came in without being asked for its key');
  return caller;
}

/** Refuses strangers and other methods before a body is read. */
export function guardGraphql(fastify: FastifyInstance, keys: Keys): void {
  fastify.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url !== GRAPHQL_PATH) return;
    if (request.method !== 'POST') {
      return refuse(reply.header('allow', 'POST'), 405, 'METHOD_NOT_ALLOWED', 'Operations are sent by POST, subscriptions over graphql-transport-ws.');
    }
    const caller = callerOf(keys, keyOf(request.headers));
    if (!caller && !keys.isKnown) {
      return refuse(reply.header('retry-after', '2'), 503, 'UNAVAILABLE', 'Keys cannot be checked just now. Try again in a moment.');
    }
    if (!caller) {
      return refuse(reply.header('www-authenticate', 'Bearer realm="kindred"'), 401, 'UNAUTHENTICATED', 'Send a valid key: Authorization: Bearer <key>.');
    }
    callers.set(request, caller);
  });
  // What goes wrong before GraphQL (a body that is too large, or no JSON) is answered in GraphQL's form as well.
  fastify.addHook('onSend', async (request, reply, payload: unknown) => {
    if (request.routeOptions.url !== GRAPHQL_PATH || reply.statusCode < 400 || typeof payload !== 'string') return payload;
    const failure = /^{"(statusCode|errors)"/.exec(payload)?.[1] === 'statusCode' ? (JSON.parse(payload) as { message?: unknown }) : undefined;
    return failure ? JSON.stringify(bodyOf(CODE_OF_STATUS[reply.statusCode] ?? 'BAD_REQUEST', String(failure.message))) : payload;
  });
}

const CODE_OF_STATUS: Record<number, string> = { 413: 'BODY_TOO_LARGE', 415: 'UNSUPPORTED_MEDIA_TYPE', 500: 'INTERNAL_SERVER_ERROR', 503: 'UNAVAILABLE' };

/** In GraphQL's form, before it is one of GraphQL's. */
export async function refuse(reply: FastifyReply, status: number, code: string, message: string): Promise<FastifyReply> {
  return reply.code(status).type('application/json; charset=utf-8').send(bodyOf(code, message));
}

function bodyOf(code: string, message: string) {
  return { errors: [{ message, extensions: { code } }] };
}
