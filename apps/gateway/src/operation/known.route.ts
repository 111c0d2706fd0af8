import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql';

import { contextOf, type GatewayParts } from '../graphql/context.js';
import type { Asked } from './known.operations.js';

type Format = (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;

/** Answers known operations by their programs, exactly as Apollo would; all else goes on to Apollo. */
export function answerKnown(fastify: FastifyInstance, parts: GatewayParts, format: Format): void {
  fastify.addHook('preHandler', (request, reply, goOn) => {
    const { caller } = request;
    const asked = caller && askedBy(request);
    const program = asked && parts.known?.programOf(asked, caller);
    if (!program) return goOn();
    const answered = contextOf(parts, caller).then(async (context) => answer(reply, await program(context, asked.variables), format));
    // Variables of a wrong type are Apollo's to word.
    answered.then((isAnswered) => (isAnswered ? undefined : goOn()), goOn);
  });
}

function answer(reply: FastifyReply, result: ExecutionResult | undefined, format: Format): boolean {
  if (!result) return false;
  const { data, errors } = result;
  const body = errors ? { errors: errors.map((error) => format(formattedOf(error), error)), data } : { data };
  void reply.header('content-type', 'application/json; charset=utf-8').send(`${JSON.stringify(body)}\n`);
  return true;
}

function formattedOf(error: GraphQLError): GraphQLFormattedError {
  return { ...error.toJSON(), extensions: { ...error.extensions, code: error.extensions?.['code'] ?? 'INTERNAL_SERVER_ERROR' } };
}

/** Undefined for whatever is not the plainest form of a request: Apollo knows all forms, and words what is wrong with it. */
function askedBy({ headers, body }: FastifyRequest): Asked | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { query, variables, operationName, extensions } = body as Record<string, unknown>;
  const isPlain =
    typeof query === 'string' && isRecordOrNothing(variables) && isRecordOrNothing(extensions) &&
    (operationName === undefined || operationName === null || typeof operationName === 'string') && takesJson(headers.accept);
  return isPlain ? { text: query, variables: variables ?? {}, operationName } : undefined;
}

function isRecordOrNothing(value: unknown): value is Record<string, unknown> | null | undefined {
  return value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value));
}

function takesJson(accept: string | undefined): boolean {
  return accept === undefined || accept === '*/*' || accept === 'application/json';
}
