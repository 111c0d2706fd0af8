import { defaultFieldResolver, getNamedType, type GraphQLOutputType, type GraphQLSchema, isUnionType } from 'graphql';

import type { GatewayContext } from '../graphql/context.js';
import { codeOf } from '../graphql/error.js';
import { ExpectedFailure } from '../graphql/expected.js';
import { readGlobalId } from '../graphql/global-id.js';
import { TRAFFIC } from './traffic.js';

/** The schema, every mutation of which leaves an entry in the audit trail, however it ends. */
export function audited(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    if (TRAFFIC.has(field.name)) continue;
    const resolve = field.resolve ?? defaultFieldResolver;
    field.resolve = async (root: unknown, args: Record<string, unknown>, context: GatewayContext, info) => {
      const record = (outcome: string, made = '') => context.audit.record(context.caller, { action: field.name, args, made, outcome });
      try {
        const result: unknown = await resolve(root, args, context, info);
        if (result instanceof ExpectedFailure) await record(result.code);
        else await record('OK', madeBy(field.type, result));
        return result;
      } catch (error) {
        await record(codeOf(error));
        throw error;
      }
    };
  }
  return schema;
}

/** Type and own id of what a mutation answered; a result's union names its success first. */
function madeBy(type: GraphQLOutputType, result: unknown): string {
  if (typeof result !== 'object' || result === null) return '';
  const named = getNamedType(type);
  const success = isUnionType(named) ? (named.getTypes()[0]?.name ?? '') : named.name;
  const { id, key, webhook } = result as { id?: unknown; key?: { id?: unknown }; webhook?: { id?: unknown } };
  // What comes with its secret lies one level down.
  if (typeof key?.id === 'string') return `ApiKey:${key.id}`;
  if (typeof webhook?.id === 'string') return `Webhook:${webhook.id}`;
  if (typeof id !== 'string') return '';
  const global = readGlobalId(id);
  return global ? `${global.type}:${global.id}` : `${success}:${id}`;
}
