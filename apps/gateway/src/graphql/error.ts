import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';

import { RpcError, status } from '#libs/grpc';

import { globalId } from './global-id.js';

/** What the services' statuses become where they name no reason of their own, with words that tell nothing of our insides. */
const BY_STATUS: Partial<Record<status, { code: string; message: string }>> = {
  [status.UNAVAILABLE]: { code: 'UNAVAILABLE', message: 'A part of Kindred cannot be reached just now. Try again in a moment.' },
  [status.DEADLINE_EXCEEDED]: { code: 'TIMEOUT', message: 'The answer took too long. Try again, or ask for less.' },
  [status.INTERNAL]: { code: 'INTERNAL_SERVER_ERROR', message: 'An unexpected failure; the log has it.' },
  [status.UNKNOWN]: { code: 'INTERNAL_SERVER_ERROR', message: 'An unexpected failure; the log has it.' },
  [status.UNIMPLEMENTED]: { code: 'NOT_SUPPORTED', message: 'This is not supported yet.' },
};

/** An argument that has no meaning. */
export function invalidArgument(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** A question about an earlier time that nobody can answer truthfully any more. */
export function notKept(message: string): GraphQLError {
  return new GraphQLError(`asOf: ${message}`, { extensions: { code: 'AS_OF_NOT_KEPT' } });
}

/** A refusal before anything is executed. */
export function refusal(code: string, message: string, httpStatus = 400): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { status: httpStatus } } });
}

/** The same from a validation rule: there Apollo overwrites the code, so it travels beside it until formatError. */
export function ruleRefusal(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, refusal: code, http: { status: 400 } } });
}

/** The code that a failure has outside. */
export function codeOf(error: unknown): string {
  const cause = unwrapResolverError(error);
  if (cause instanceof RpcError) return fromService(cause).code;
  if (cause instanceof GraphQLError) return String(cause.extensions['code'] ?? 'BAD_USER_INPUT');
  return 'INTERNAL_SERVER_ERROR';
}

function fromService(error: RpcError): { code: string; message: string } {
  const isNamed = error.reason !== status[error.status] && error.status !== status.INTERNAL && error.status !== status.UNKNOWN;
  const plain = BY_STATUS[error.status];
  if (!isNamed && plain) return plain;
  return { code: error.reason, message: error.message };
}

/** Facts as they are told outside: a segment by the id that it has there. */
function factsOf({ metadata: { segment_id: segmentId, ...facts } }: RpcError): Record<string, string> {
  return segmentId === undefined ? facts : { ...facts, segmentId: globalId('Segment', segmentId) };
}

/**
 * An error as the world sees it: `extensions.code` always, facts a caller can act on where a service sent
 * some; never a stack, an address or what a library says.
 */
export function formatError(log: Logger) {
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const { stacktrace: _stacktrace, refusal: refused, http: _http, ...extensions } = formatted.extensions ?? {};
    const cause = unwrapResolverError(error);
    if (cause instanceof RpcError) {
      const { code, message } = fromService(cause);
      if (code === 'INTERNAL_SERVER_ERROR') log.error({ err: cause, path: formatted.path }, 'a service failed');
      return { ...formatted, message, extensions: { ...factsOf(cause), code } };
    }
    if (cause instanceof GraphQLError) return { ...formatted, extensions: { ...extensions, code: refused ?? extensions['code'] ?? 'BAD_USER_INPUT' } };
    log.error({ err: cause, path: formatted.path }, 'an unexpected failure in a resolver');
    return { ...formatted, message: 'An unexpected failure; the log has it.', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
  };
}
