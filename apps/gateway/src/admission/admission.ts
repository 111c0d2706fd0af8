import { type DocumentNode, type GraphQLError, type GraphQLSchema, OperationTypeNode, parse, specifiedRules, validate } from 'graphql';

import { refusal } from '../graphql/error.js';
import type { Caller } from '../graphql/message.js';
import { areVariablesValid, LIMITS, limitRules, refusalByCost } from './limit.js';
import { type RequiredRoles, refusalByRole, requiredRoles } from './role.js';

export interface Operation {
  readonly document: DocumentNode;
  readonly variables: Record<string, unknown>;
  readonly operationName?: string | null | undefined;
}

/** Ways of asking that are remembered of one document; its variables are what callers vary. */
const MOST_REMEMBERED = 100;

/** Decides, before anything is executed, whether a caller may have an operation executed. */
export class Admission {
  private readonly roles: RequiredRoles;
  /** How documents were asked and let in: Apollo keeps the documents of texts it has seen, so the same comes again. */
  private readonly letIn = new WeakMap<DocumentNode, Set<string>>();

  constructor(private readonly schema: GraphQLSchema) {
    this.roles = requiredRoles(schema);
  }

  /** Whether an operation was let in before, asked in the same way. */
  wasLetIn(operation: Operation, caller: Caller): boolean {
    return this.letIn.get(operation.document)?.has(wayOfAsking(operation, caller)) ?? false;
  }

  /** Of an operation that was parsed and validated already. */
  refusalOf(operation: Operation, caller: Caller): GraphQLError | undefined {
    const { document, variables, operationName } = operation;
    const remembered = this.letIn.get(document) ?? new Set();
    const way = wayOfAsking(operation, caller);
    if (remembered.has(way)) return undefined;
    const forbidden = refusalByRole(this.schema, this.roles, operation, caller);
    // Wrong variables are refused by the execution, with what is wrong about them; their cost has no meaning.
    if (forbidden || !areVariablesValid(this.schema, document, variables, operationName)) return forbidden;
    const refused = refusalByCost(this.schema, document, variables, operationName);
    if (!refused && remembered.size < MOST_REMEMBERED) this.letIn.set(document, remembered.add(way));
    return refused;
  }

  /** Of a subscription as it comes over a socket: everything is still to be checked. */
  subscription(source: string, variables: Record<string, unknown>, operationName: string | null | undefined, caller: Caller): DocumentNode | readonly GraphQLError[] {
    let document: DocumentNode;
    try {
      document = parse(source, { maxTokens: LIMITS.tokens });
    } catch (error) {
      return [refusal('GRAPHQL_PARSE_FAILED', error instanceof Error ? error.message : 'not GraphQL')];
    }
    const isSubscription = document.definitions.every(
      (definition) => definition.kind !== 'OperationDefinition' || definition.operation === OperationTypeNode.SUBSCRIPTION,
    );
    if (!isSubscription) return [refusal('SUBSCRIPTIONS_ONLY', 'Queries and mutations are sent by POST; a socket is for subscriptions.')];
    const invalid = validate(this.schema, document, [...specifiedRules, ...limitRules], { maxErrors: 5 });
    if (invalid.length > 0) return invalid;
    const refused = this.refusalOf({ document, variables, operationName }, caller);
    return refused ? [refused] : document;
  }
}

/**
 * All that a refusal depends on beside the document: cost comes of numbers (rows) and booleans (@include) that are
 * variables themselves, not of texts, nor of what lies in lists and inputs. A number in place of a list counts as it is.
 */
function wayOfAsking({ variables, operationName }: Operation, { role }: Caller): string {
  let way = `${role} ${operationName ?? ''}`;
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) way += ` ${JSON.stringify(name)}:${value}`;
  }
  return way;
}
