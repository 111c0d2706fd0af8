import 'reflect-metadata';

import type { ServiceDefinition } from '@grpc/grpc-js';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';

import { PrincipalGuard, PrincipalSigner } from '#libs/auth';
import { ConfigError } from '#libs/config';
import { grpcServer, type GrpcServerOptions, healthOf, ReadableGuard, RpcErrorFilter } from '#libs/grpc';
import { metrics, startTelemetry } from '#libs/telemetry';

import type { ServiceContext } from './service-context.js';
import { ServiceModule } from './service.module.js';

/** The part of every service's configuration that this room reads (libs/config `serviceShape`). */
interface ServiceConfig {
  KINDRED_HOST: string;
  HTTP_PORT: number;
  GRPC_PORT: number;
  LOG_LEVEL: string;
  PRINCIPAL_SECRET: string;
}

export interface ServiceDefinitionOptions<Config> {
  name: string;
  /** Reads the environment; throws ConfigError. */
  config: () => Config;
  module: Type | DynamicModule;
  /** gRPC services it answers; none for a service that only listens to HTTP. */
  services?: readonly ServiceDefinition[];
  /** What is particular about its gRPC server. */
  grpc?: (app: NestFastifyApplication) => Pick<GrpcServerOptions, 'interceptors' | 'maxMessageBytes'>;
  /** Resolves when the path behind this service works; health is NOT_SERVING before. */
  ready?: (app: NestFastifyApplication) => Promise<void>;
  /** Asked at every /readyz after that: false while the path behind this service does not work. */
  isWorking?: (app: NestFastifyApplication) => boolean;
  /** More of the HTTP server: body limits, content types, routes outside of Nest. */
  http?: (adapter: FastifyAdapter) => void | Promise<void>;
  bodyLimit?: number;
}

const STOP_WITHIN_MS = 10_000;

/** A service that is put together; tests start and stop one inside their own process. */
export interface Service {
  readonly app: NestFastifyApplication;
  readonly log: Logger;
  /** Listens, waits until the path behind the service works, and says so. */
  start(): Promise<void>;
  /** Stops taking work, then ends. */
  stop(): Promise<void>;
}

/**
 * Puts a service together: configuration, logs, HTTP with /healthz, /readyz and /metrics, gRPC with
 * principals and standard health. Throws ConfigError where the environment is not complete.
 */
export async function createService<Config extends ServiceConfig>(options: ServiceDefinitionOptions<Config>): Promise<Service> {
  const { name } = options;
  const config = options.config();
  const { log, nest } = startTelemetry(name, config.LOG_LEVEL);
  const context: ServiceContext<Config> = { name, config, log, signer: new PrincipalSigner(config.PRINCIPAL_SECRET), health: healthOf() };

  @Module({ imports: [ServiceModule.of(context), options.module] })
  class RootModule {}

  // Events may have properties of any name, and nothing here merges bodies into objects: a refused body would refuse all events beside one.
  const names = { onProtoPoisoning: 'ignore', onConstructorPoisoning: 'ignore' } as const;
  const adapter = new FastifyAdapter({ bodyLimit: options.bodyLimit ?? 1_048_576, forceCloseConnections: 'idle', trustProxy: true, ...names });
  let isReady = false;
  const fastify = adapter.getInstance();
  fastify.get('/healthz', () => ({ status: 'ok' }));
  fastify.get('/readyz', (_request, reply) => {
    const isWorking = isReady && (options.isWorking?.(app) ?? true);
    return reply.code(isWorking ? 200 : 503).send({ status: isWorking ? 'ready' : isReady ? 'not working' : 'starting' });
  });
  fastify.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  await options.http?.(adapter);

  const app = await NestFactory.create<NestFastifyApplication>(RootModule, adapter, { logger: nest, abortOnError: false });
  if (options.services) {
    // Before the handlers are bound, which connectMicroservice does at once: what is set later guards nothing.
    app.useGlobalGuards(new PrincipalGuard(app.get(Reflector), context.signer), new ReadableGuard());
    app.useGlobalFilters(new RpcErrorFilter(log));
    app.connectMicroservice(
      grpcServer({ host: config.KINDRED_HOST, port: config.GRPC_PORT, services: options.services, health: context.health, ...options.grpc?.(app) }),
      { inheritAppConfig: true },
    );
  }
  return {
    app,
    log,
    start: async () => {
      if (options.services) await app.startAllMicroservices();
      await app.listen(config.HTTP_PORT, config.KINDRED_HOST);
      await options.ready?.(app);
      isReady = true;
      context.health.setStatus('', 'SERVING');
      log.info({ http: config.HTTP_PORT, grpc: options.services ? config.GRPC_PORT : undefined }, 'ready');
    },
    stop: async () => {
      isReady = false;
      context.health.setStatus('', 'NOT_SERVING');
      await app.close();
    },
  };
}

/** Runs a service as this process: an orderly stop within ten seconds of SIGTERM. */
export async function runService<Config extends ServiceConfig>(options: ServiceDefinitionOptions<Config>): Promise<void> {
  const service = await createService(options).catch((error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${options.name}: ${error.message}\n`);
    process.exit(78);
  });
  stopOnSignal(service);
  await service.start();
}

function stopOnSignal({ log, stop }: Service): void {
  const onSignal = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error('did not stop in time; ending');
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
}
