import type { ApolloServerPlugin, BaseContext } from '@apollo/server';

import type { GatewayContext } from '../graphql/context.js';
import { Admission } from './admission.js';

/** Lets Apollo ask for admission once it knows the operation, and hides the schema from keys that may not read. */
export function admissionPlugin(): ApolloServerPlugin<BaseContext> {
  let admission: Admission | undefined;
  return {
    serverWillStart: async ({ schema }) => {
      admission = new Admission(schema);
    },
    requestDidStart: async () => ({
      didResolveOperation: async ({ document, request, operationName, contextValue }) => {
        const refused = admission?.refusalOf({ document, variables: request.variables ?? {}, operationName }, (contextValue as GatewayContext).caller);
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
