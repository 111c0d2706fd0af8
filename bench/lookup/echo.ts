import type { ServiceDefinition } from '@grpc/grpc-js';

const asItIs = (bytes: Buffer): Buffer => bytes;

/** One unary call of bytes. */
export const ECHO = {
  echo: {
    path: '/kindred.bench.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  },
} as const satisfies ServiceDefinition;
