import type { ServiceDefinition } from '@grpc/grpc-js';
import {
  type CallOptions,
  type Client,
  ClientError,
  type ClientMiddleware,
  createChannel,
  createClientFactory,
  Metadata,
  type Status,
} from 'nice-grpc';
import { deadlineMiddleware, type DeadlineOptions } from 'nice-grpc-client-middleware-deadline';

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

interface CallExtension extends DeadlineOptions {
  principal?: string;
}

export type RpcClient<Service extends ServiceDefinition> = Client<Service, CallExtension> & { close(): void };

const DEFAULT_DEADLINE_MS = 10_000;
/** A stopped peer is noticed within five seconds (keepalive is off by default in grpc-js); one that is busy for a moment is none. */
const CHANNEL_OPTIONS = {
  'grpc.keepalive_time_ms': 2_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 64 * 1024 * 1024,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.enable_channelz': 0,
  // Calls go to all addresses that a name has (a headless Kubernetes service), not to the first alone.
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
};

/** The signed principal as metadata, and failures as RpcError. */
const kindredMiddleware: ClientMiddleware<CallExtension> = async function* kindredMiddleware(call, options) {
  const { principal, ...rest } = options;
  let trailer: readonly Uint8Array[] = [];
  const metadata = Metadata(rest.metadata);
  if (principal !== undefined) metadata.set(PRINCIPAL_METADATA, principal);
  const callOptions: CallOptions & CallExtension = {
    ...rest,
    metadata,
    onTrailer: (received) => {
      trailer = received.getAll('grpc-status-details-bin');
      rest.onTrailer?.(received);
    },
  };
  try {
    return yield* call.next(call.request, callOptions);
  } catch (error) {
    if (error instanceof ClientError) throw RpcError.fromCall(error.code as Status & number, error.details, trailer, error);
    throw error;
  }
};

/**
 * A client of one service at `host:port`. Unary calls answer promises, streams async iterables; all take
 * `{ principal, deadline, signal }`. Unary calls without a deadline get ten seconds.
 */
export function connect<Service extends ServiceDefinition>(definition: Service, address: string): RpcClient<Service> {
  const channel = createChannel(address, undefined, CHANNEL_OPTIONS);
  const defaults: Record<string, CallOptions & CallExtension> = {};
  for (const [name, method] of Object.entries(definition)) {
    if (!method.requestStream && !method.responseStream) defaults[name] = { deadline: DEFAULT_DEADLINE_MS };
  }
  const client = createClientFactory()
    .use(deadlineMiddleware)
    .use(kindredMiddleware)
    .create(definition, channel, defaults as never);
  return Object.assign(client, { close: () => channel.close() }) as unknown as RpcClient<Service>;
}
