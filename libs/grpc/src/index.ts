export { connect, type RpcClient } from './client.js';
export type { Call } from './unary.js';
export { RpcError, type RpcErrorOptions } from './error.js';
export { RpcErrorFilter } from './error.filter.js';
export { healthOf, type HealthState, grpcServer, type GrpcServerOptions } from './server.js';
export { isServing } from './health.js';
export { toObservable } from './stream.js';
export { PRINCIPAL_METADATA } from './metadata.js';
export { status } from '@grpc/grpc-js';
