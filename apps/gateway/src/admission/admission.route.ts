import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { type Keys, callerOf, keyOf } from './caller.js';
import type { Caller } from '../graphql/message.js';

export const GRAPHQL_PATH = '/graphql';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, of a request to GraphQL that was let in; null of any other. */
    caller: Caller | null;
  }
}

/** Who calls, for a request that was let in. */
export function admitted({ caller }: FastifyRequest): Caller {
  if (!caller) throw new Error('a request came in without being asked for its key');
  return caller;
}

/** Refuses strangers and other methods before a body is read. */
export function guardGraphql(fastify: FastifyInstance, keys: Keys): void {
  fastify.decorateRequest('caller', null);
  fastify.addHook('onRequest', (request, reply, goOn) => {
    if (request.routeOptions.url !== GRAPHQL_PATH) return goOn();
    if (request.method !== 'POST') {
      return void refuse(reply.header('allow', 'POST'), 405, 'METHOD_NOT_ALLOWED', 'Operations are sent by POST, subscriptions over graphql-transport-ws.');
    }
    const caller = callerOf(keys, keyOf(request.headers));
    if (!caller && !keys.isKnown) {
      return void refuse(reply.header('retry-after', '2'), 503, 'UNAVAILABLE', 'Keys cannot be checked just now. Try again in a moment.');
    }
    if (!caller) {
      return void refuse(reply.header('www-authenticate', 'Bearer realm="kindred"'), 401, 'UNAUTHENTICATED', 'Send a valid key: Authorization: Bearer <key>.');
    }
    request.caller = caller;
    goOn();
  });
  // What goes wrong before GraphQL (a body that is too large, or no JSON) is answered in GraphQL's form as well.
  fastify.addHook('onSend', (request, reply, payload, goOn) => {
    if (reply.statusCode < 400 || typeof payload !== 'string' || request.routeOptions.url !== GRAPHQL_PATH) return goOn(null, payload);
    const failure = /^{"(statusCode|errors)"/.exec(payload)?.[1] === 'statusCode' ? (JSON.parse(payload) as { message?: unknown }) : undefined;
    goOn(null, failure ? JSON.stringify(bodyOf(CODE_OF_STATUS[reply.statusCode] ?? 'BAD_REQUEST', String(failure.message))) : payload);
  });
}

const CODE_OF_STATUS: Record<number, string> = { 413: 'BODY_TOO_LARGE', 415: 'UNSUPPORTED_MEDIA_TYPE', 500: 'INTERNAL_SERVER_ERROR', 503: 'UNAVAILABLE' };

/** In GraphQL's form, before it is one of GraphQL's. */
export function refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(bodyOf(code, message));
}

function bodyOf(code: string, message: string) {
  return { errors: [{ message, extensions: { code } }] };
}
