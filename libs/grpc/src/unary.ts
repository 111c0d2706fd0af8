import { type ClientUnaryCall, Client, credentials, Metadata, type MethodDefinition, type ServiceDefinition, type ServiceError, status } from '@grpc/grpc-js';
import type { Channel } from 'nice-grpc';

import { RpcError } from './error.js';
import { PRINCIPAL_METADATA } from './metadata.js';

/** What a caller may say of one call. */
export interface Call {
  /** Signed principal (libs/auth). */
  principal?: string;
  /** Milliseconds until DEADLINE_EXCEEDED; default 10 s, streams default to none and must be cancelled. */
  deadline?: number;
  signal?: AbortSignal;
}

interface Waiting {
  caller: Pick<PromiseWithResolvers<unknown>, 'resolve' | 'reject'> | undefined;
  answer: unknown;
}

type UnaryMethod = (request: unknown, call?: Call) => Promise<unknown>;

const asItIs = (bytes: Buffer): Buffer => bytes;
/** As the codec says it of numbers (`@bufbuild/protobuf/wire`). */
const WIRE_REFUSES = /^invalid (?:u?int(?:32|64)|float32): -?[\d.]/;
const DEFAULT_DEADLINE_MS = 10_000;

/** The unary methods of a service, straight on grpc-js: they are the hot ones, and layers of promises cost more than the call. */
export function unaryMethods(definition: ServiceDefinition, address: string, channel: Channel): Record<string, UnaryMethod> {
  const client = new Client(address, credentials.createInsecure(), { channelOverride: channel });
  const unary = Object.entries(definition).filter(([, { requestStream, responseStream }]) => !requestStream && !responseStream);
  return Object.fromEntries(unary.map(([name, method]) => [name, (request, call) => callUnary(client, method, request, call)]));
}

function callUnary(client: Client, method: MethodDefinition<unknown, unknown>, request: unknown, { principal, deadline = DEFAULT_DEADLINE_MS, signal }: Call = {}): Promise<unknown> {
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  const metadata = new Metadata();
  if (principal !== undefined) metadata.set(PRINCIPAL_METADATA, principal);
  try {
    return answerTo(client, method, method.requestSerialize(request), metadata, Date.now() + deadline, signal);
  } catch (error) {
    return Promise.reject(unsendable(error as Error));
  }
}

/**
 * A call that is over is held until the next full collection (grpc-js and Node keep calls and streams in a Set and a Map: V8 links the tables that these
 * outgrow, and one old table keeps all that came after it). So what has been answered holds neither who asked nor the answer.
 */
function answerTo(client: Client, method: MethodDefinition<unknown, unknown>, bytes: Buffer, metadata: Metadata, deadline: number, signal?: AbortSignal): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const waiting: Waiting = { caller: { resolve, reject }, answer: undefined };
  const stop = () => {
    call.cancel();
    waiting.caller?.reject(signal?.reason as Error);
  };
  const receive = (received: Buffer) => {
    waiting.answer = method.responseDeserialize(received);
    return true;
  };
  const call = withoutTrace(() =>
    client.makeUnaryRequest(method.path, asItIs, receive, bytes, metadata, { deadline }, (error) => {
      signal?.removeEventListener('abort', stop);
      if (error) waiting.caller?.reject(failureOf(error));
      else waiting.caller?.resolve(waiting.answer);
      waiting.caller = waiting.answer = undefined;
    }),
  );
  signal?.addEventListener('abort', stop, { once: true });
  return promise;
}

/**
 * grpc-js takes a stack trace with every call, for an error that may never come. It costs time, and holds whatever waits for the call:
 * calls outlive their answers until the next full collection, and with them all that their callers had in hand would.
 */
function withoutTrace(start: () => ClientUnaryCall): ClientUnaryCall {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return start();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What wire types cannot hold is a value that somebody gave: it is refused as a service would refuse it. Anything else is a defect of ours. */
function unsendable(error: Error): RpcError {
  const options = { reason: 'VALUE_INVALID', cause: error };
  if (WIRE_REFUSES.test(error.message)) return RpcError.invalid(`A number lies outside of what it may be: ${error.message}.`, options);
  return new RpcError(status.INTERNAL, `A request cannot be sent: ${error.message}.`, { ...options, reason: 'INTERNAL' });
}

function failureOf(error: ServiceError): RpcError {
  return RpcError.fromCall(error.code, error.details, error.metadata.get('grpc-status-details-bin').filter((value) => typeof value !== 'string'), error);
}
