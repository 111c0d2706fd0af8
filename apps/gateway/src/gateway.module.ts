import { Inject, Module, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { GraphQLModule, GraphQLSchemaHost } from '@nestjs/graphql';
import type { ApolloDriverConfig } from '@nestjs/apollo';
import { ApolloDriver } from '@nestjs/apollo';
import type { FastifyInstance } from 'fastify';
import type { Server } from 'node:http';

import { KeyRing } from '#libs/auth';
import { SERVICE, type ServiceContext } from '#libs/service';

import { boundBodies } from './admission/admission.bodies.js';
import { guardGraphql } from './admission/admission.route.js';
import { serveAdmin } from './admin/admin.route.js';
import { closeBackends } from './backend/backends.js';
import { serveDownloads } from './download/download.route.js';
import type { GatewayConfig } from './gateway.config.js';
import { formatError } from './graphql/error.js';
import { graphqlOptions } from './graphql/graphql.options.js';
import { answerKnown } from './operation/known.route.js';
import { GATEWAY_PARTS, PartsModule } from './parts.module.js';
import type { GatewayParts } from './graphql/context.js';
import { SubscriptionServer } from './subscription/subscription.server.js';
import { serveUploads } from './upload/upload.route.js';

/** The one door: GraphQL over HTTP and sockets, uploads, the admin page. */
@Module({
  imports: [
    PartsModule,
    GraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      imports: [PartsModule],
      inject: [GATEWAY_PARTS, SERVICE],
      useFactory: (parts: GatewayParts, { config, log }: ServiceContext<GatewayConfig>) => graphqlOptions(parts, config.SCHEMA_DIR, log),
    }),
  ],
})
export class GatewayModule implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private subscriptions: SubscriptionServer | undefined;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly schema: GraphQLSchemaHost,
    private readonly keys: KeyRing,
    @Inject(GATEWAY_PARTS) private readonly parts: GatewayParts,
    @Inject(SERVICE) private readonly context: ServiceContext<GatewayConfig>,
  ) {}

  async onModuleInit(): Promise<void> {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    guardGraphql(fastify, this.keys);
    boundBodies(fastify);
    answerKnown(fastify, this.parts, formatError(this.context.log));
    await serveUploads(fastify, this.parts.uploads, this.parts.artifacts, this.context.log);
    serveDownloads(fastify, this.parts.downloads, this.parts.artifacts);
    await serveAdmin(fastify, this.context.config.ADMIN_DIR);
  }

  onApplicationBootstrap(): void {
    this.subscriptions = new SubscriptionServer(this.schema.schema, this.parts, this.keys, this.context.log);
    this.subscriptions.listen(this.host.httpAdapter.getHttpServer() as Server);
  }

  /** Before Nest closes the HTTP server, which would wait for open sockets. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.subscriptions?.close();
  }

  onApplicationShutdown(): void {
    this.keys.close();
    closeBackends(this.parts.backends);
  }
}
