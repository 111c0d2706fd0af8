import { ApolloServerPluginCacheControlDisabled } from '@apollo/server/plugin/disabled';
import type { ApolloDriverConfig } from '@nestjs/apollo';
import { ApolloDriver } from '@nestjs/apollo';
import type { FastifyRequest } from 'fastify';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';

import { admissionPlugin } from '../admission/admission.plugin.js';
import { admitted, GRAPHQL_PATH } from '../admission/admission.route.js';
import { LIMITS, limitRules } from '../admission/limit.js';
import { audited } from '../audit/audited.js';
import { contextOf, type GatewayParts } from './context.js';
import { formatError } from './error.js';
import { resolvers } from './resolvers.js';
import { ranged } from './time-range.js';

/** Apollo as it is run here. Sockets are SubscriptionServer's, for they need bounds of their own. */
export function graphqlOptions(parts: GatewayParts, schemaDir: string, log: Logger): ApolloDriverConfig {
  return {
    driver: ApolloDriver,
    path: GRAPHQL_PATH,
    typePaths: [join(resolve(schemaDir), '*.graphql')],
    resolvers,
    transformSchema: (schema) => ranged(audited(schema)),
    context: (request: FastifyRequest) => contextOf(parts, admitted(request)),
    formatError: formatError(log),
    validationRules: [...limitRules],
    parseOptions: { maxTokens: LIMITS.tokens },
    plugins: [ApolloServerPluginCacheControlDisabled(), admissionPlugin(parts)],
    // Strangers never get this far; who has a reading key may look at the schema.
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    graphiql: false,
    subscriptions: false as never,
    autoTransformHttpErrors: false,
    preserveHttpStatusForExecutionErrors: false,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
  };
}
