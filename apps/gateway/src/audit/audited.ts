import { defaultFieldResolver, type GraphQLSchema } from 'graphql';

import type { GatewayContext } from '../graphql/context.js';
import { codeOf } from '../graphql/error.js';
import { ExpectedFailure } from '../graphql/expected.js';

/** The schema, every mutation of which leaves an entry in the audit trail, however it ends. */
export function audited(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (root: unknown, args: Record<string, unknown>, context: GatewayContext, info) => {
      const record = (outcome: string, result?: unknown) => context.audit.record(context.caller, { action: field.name, args, result, outcome });
      try {
        const result: unknown = await resolve(root, args, context, info);
        await record(result instanceof ExpectedFailure ? result.code : 'OK', result);
        return result;
      } catch (error) {
        await record(codeOf(error));
        throw error;
      }
    };
  }
  return schema;
}
