import type { ApolloServerPlugin, BaseContext } from '@apollo/server';

import type { GatewayContext, GatewayParts } from '../graphql/context.js';
import { KnownOperations } from '../operation/known.operations.js';

/** Lets Apollo ask for admission once it knows the operation, and hides the schema from keys that may not read. */
export function admissionPlugin(parts: Pick<GatewayParts, 'known'>): ApolloServerPlugin<BaseContext> {
  return {
    serverWillStart: async ({ schema }) => {
      parts.known = new KnownOperations(schema);
    },
    requestDidStart: async () => ({
      didResolveOperation: async ({ document, source, request, contextValue }) => {
        const operation = { document, variables: request.variables ?? {}, operationName: request.operationName };
        const refused = parts.known?.refusalOf(source, operation, (contextValue as GatewayContext).caller);
        if (refused) throw refused;
      },
      willSendResponse: async ({ response, contextValue }) => {
        if ((contextValue as GatewayContext).caller.role !== 'INTAKE' || response.body.kind !== 'single') return;
        const { singleResult } = response.body;
        if (!singleResult.errors) return;
        // Write keys are given to browsers: what fields there are is not theirs to learn.
        singleResult.errors = singleResult.errors.map((error) => ({ ...error, message: error.message.replace(/ ?Did you mean .*$/s, '') }));
      },
    }),
  };
}
