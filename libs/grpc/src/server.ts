import type { ServerInterceptor, ServerOptions, ServiceDefinition } from '@grpc/grpc-js';
import { type GrpcOptions, Transport } from '@nestjs/microservices';
import { HealthImplementation } from 'grpc-health-check';

import { rememberingAnswers } from './encoded.once.js';
import { handingOnUnreadable } from './unreadable.js';
import { widenConnections } from './window.js';

widenConnections();

export type HealthState = HealthImplementation;

export interface GrpcServerOptions {
  host: string;
  port: number;
  /** Generated definitions, `XServiceService` of ts-proto. */
  services: readonly ServiceDefinition[];
  health: HealthState;
  /** See grpc-js; in the order in which they are passed. */
  interceptors?: readonly ServerInterceptor[];
  /** Of a message that comes in; a larger one is answered with RESOURCE_EXHAUSTED. */
  maxMessageBytes?: number;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** Standard gRPC health; starts NOT_SERVING, `setStatus('', 'SERVING')` once the path behind it works. */
export function healthOf(): HealthState {
  return new HealthImplementation({ '': 'NOT_SERVING' });
}

/** Full name ("kindred.training.v1.RunService") that a generated definition's paths carry. */
function fullName(definition: ServiceDefinition): string {
  const path = Object.values(definition)[0]?.path;
  const name = path?.split('/')[1];
  if (!name) throw new Error('a gRPC service definition without methods');
  return name;
}

/**
 * Nest microservice options that serve ts-proto's own codecs: messages in handlers are exactly the
 * generated types, with no second description of them at run time.
 */
export function grpcServer({ host, port, services, health, interceptors = [], maxMessageBytes = MOST_BYTES }: GrpcServerOptions): GrpcOptions {
  const definitions = Object.fromEntries(services.map((definition) => [fullName(definition), rememberingAnswers(handingOnUnreadable(definition))]));
  // Nest hands them to the server as they are, though its own type knows numbers and texts alone.
  const channelOptions: ServerOptions = {
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.enable_channelz': 0,
    interceptors: [...interceptors],
  };
  const packages = [...new Set(Object.keys(definitions).map((name) => name.slice(0, name.lastIndexOf('.'))))];
  return {
    transport: Transport.GRPC,
    options: {
      url: `${host}:${port}`,
      package: packages,
      packageDefinition: definitions,
      gracefulShutdown: true,
      onLoadPackageDefinition: (_definition: unknown, server: Parameters<HealthImplementation['addToServer']>[0]) =>
        health.addToServer(server),
      maxReceiveMessageLength: maxMessageBytes,
      maxSendMessageLength: MOST_BYTES,
      channelOptions: channelOptions as NonNullable<GrpcOptions['options']['channelOptions']>,
    },
  };
}
