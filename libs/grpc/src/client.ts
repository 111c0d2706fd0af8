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

import { forgetClosedCalls } from './closed.stream.js';
import { RpcError } from './error.js';
import { PRINCIPAL_METADATA } from './metadata.js';
import { unaryMethods } from './unary.js';

forgetClosedCalls();

interface CallExtension extends DeadlineOptions {
  principal?: string;
}

export type RpcClient<Service extends ServiceDefinition> = Client<Service, CallExtension> & { close(): void };

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

/** For streams: the signed principal as metadata, and failures as RpcError. */
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
  const streams = createClientFactory().use(deadlineMiddleware).use(kindredMiddleware).create(definition, channel);
  return Object.assign(streams, unaryMethods(definition, address, channel), { close: () => channel.close() }) as unknown as RpcClient<Service>;
}
