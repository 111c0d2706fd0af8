import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql';

import { actorOf, contextOf, type GatewayParts } from '../graphql/context.js';
import type { Caller } from '../graphql/message.js';
import { AnswersTogether } from './answers.together.js';
import type { Asked } from './known.operations.js';

type Format = (formatted: GraphQLFormattedError, error: unknown) => GraphQLFormattedError;

/** Answers known operations by their programs, exactly as Apollo would; all else goes on to Apollo. */
export function answerKnown(fastify: FastifyInstance, parts: GatewayParts, format: Format): void {
  const together = new AnswersTogether<Buffer | undefined>();
  fastify.addHook('preHandler', (request, reply, goOn) => {
    const { caller } = request;
    const asked = caller && askedBy(request);
    const program = asked && parts.known?.programOf(asked, caller);
    if (!program) return goOn();
    const execute = async () => bodyOf(await program.execute(await contextOf(parts, caller), asked.variables), format);
    const answered = program.isQuery ? together.answer(questionOf(asked, caller), execute) : execute();
    answered.then((body) => (body ? void reply.header('content-type', 'application/json; charset=utf-8').send(body) : goOn()), goOn);
  });
}

/** In bytes, which are the same for all who are sent them. */
function bodyOf(result: ExecutionResult | undefined, format: Format): Buffer | undefined {
  // Variables of a wrong type are Apollo's to word.
  if (!result) return undefined;
  const { data, errors } = result;
  const body = errors ? { errors: errors.map((error) => format(formattedOf(error), error)), data } : { data };
  return Buffer.from(`${JSON.stringify(body)}\n`);
}

/** What two must have in common to be given one answer. */
function questionOf({ text, variables, operationName }: Asked, caller: Caller): string {
  return `${actorOf(caller)}\0${operationName ?? ''}\0${JSON.stringify(variables)}\0${text}`;
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
