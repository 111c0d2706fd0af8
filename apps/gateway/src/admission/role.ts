import { type DocumentNode, getDirectiveValues, type GraphQLError, type GraphQLSchema, isObjectType, TypeInfo, visit, visitWithTypeInfo } from 'graphql';

import { mayAct, type PrincipalRole } from '#libs/auth';

import { refusal } from '../graphql/error.js';
import type { Caller } from '../graphql/message.js';

/** The role that each field of the SDL asks for by `@requires`; reading asks for VIEWER. */
export type RequiredRoles = ReadonlyMap<string, PrincipalRole>;

/** Throws where a mutation forgot to say who may call it. */
export function requiredRoles(schema: GraphQLSchema): RequiredRoles {
  const directive = schema.getDirective('requires');
  if (!directive) throw new Error('the schema lacks the directive @requires');
  const roles = new Map<string, PrincipalRole>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      const required = field.astNode ? getDirectiveValues(directive, field.astNode)?.['role'] : undefined;
      if (typeof required === 'string') roles.set(`${type.name}.${field.name}`, required.replace(/^ROLE_/, '') as PrincipalRole);
      else if (type === schema.getMutationType()) throw new Error(`Mutation.${field.name} does not say which role it requires`);
    }
  }
  return roles;
}

/** The refusal of an operation with a field that this caller may not use; INTAKE may not even look at the schema. */
export function refusalByRole(schema: GraphQLSchema, roles: RequiredRoles, { document, operationName }: { document: DocumentNode; operationName?: string | null | undefined }, caller: Caller): GraphQLError | undefined {
  const types = new TypeInfo(schema);
  const roots = [schema.getQueryType(), schema.getSubscriptionType()];
  let refused: GraphQLError | undefined;
  visit(
    document,
    visitWithTypeInfo(types, {
      // Other operations of the document are not asked for now.
      OperationDefinition: (node) => (operationName && node.name?.value !== operationName ? false : undefined),
      Field: (node) => {
        const parent = types.getParentType();
        const name = `${parent?.name}.${node.name.value}`;
        const required = roles.get(name) ?? (roots.some((root) => root && root === parent) && node.name.value !== '__typename' ? 'VIEWER' : undefined);
        if (required !== undefined && !mayAct(caller.role, required)) {
          refused ??= refusal('FORBIDDEN', `${node.name.value} needs a key with the role ${required}; this one has ${caller.role}.`, 403);
        }
      },
    }),
  );
  return refused;
}
