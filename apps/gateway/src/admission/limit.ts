import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import { type DocumentNode, type ExecutionArgs, getVariableValues, GraphQLError, type GraphQLSchema, Kind, type OperationDefinitionNode, type ValidationContext, type ValidationRule } from 'graphql';
import { type ComplexityEstimator, getComplexity } from 'graphql-query-complexity';

import { MOST_ROWS } from '../graphql/connection.js';
import { refusal, ruleRefusal } from '../graphql/error.js';
import { MOST_POINTS } from '../map/map.resolver.js';

/** What one operation may ask for. The admin page's largest stays under a fifth of each. */
export const LIMITS = {
  tokens: 2_000,
  depth: 14,
  aliases: 30,
  directives: 20,
  /** Objects of the answer, about; fields for which more is fetched than they show count ten. */
  cost: 20_000,
  variablesBytes: 900_000,
} as const;

/** Rows that a list without a size of its own is taken to have. */
const USUAL_ROWS = 4;
/** The one field for which a model reads a customer some hundred times. */
export const ASKS_THE_MODEL = 'MembershipExplanation.evidence';
const COST_OF_ASKING_THE_MODEL = 1_900;
/** For which serving reads what there is of one customer, for each of them anew. */
export const FINDS_OUT: ReadonlySet<string> = new Set(['MembershipExplanation.conditions', 'MembershipExplanation.closeness']);
const COST_OF_FINDING = 190;
/** Fields for which, as of an earlier time, the model reads all that a customer had done by then. */
const READS_AGAIN = new Set(['Customer.novelty', 'Customer.mapPosition', 'Customer.forecast', 'Customer.recommendations']);
const COST_OF_READING_AGAIN = 60;
/** Fields for which more is fetched than they show: a model's files, and curves with all their points. */
const FETCHED_WHOLE: ReadonlySet<string> = new Set(['Model.profile', 'TrainingRun.metrics']);
const COST_OF_FETCHING = 10;

/** Rules that need the document only; they run with the specification's own. */
export const limitRules: readonly ValidationRule[] = [
  (context: ValidationContext) => maxDepthRule({ n: LIMITS.depth, flattenFragments: true, ...reporting('QUERY_TOO_DEEP', `An operation is at most ${LIMITS.depth} levels deep.`) })(context),
  (context: ValidationContext) => maxAliasesRule({ n: LIMITS.aliases, allowList: [], ...reporting('TOO_MANY_ALIASES', `An operation has at most ${LIMITS.aliases} aliases.`) })(context),
  (context: ValidationContext) => maxDirectivesRule({ n: LIMITS.directives, ...reporting('TOO_MANY_DIRECTIVES', `An operation has at most ${LIMITS.directives} directives.`) })(context),
];

/** The refusal of an operation that asks for too much, by the values of its variables, which are valid. */
export function refusalByCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Record<string, unknown>,
  operationName: string | null | undefined,
): GraphQLError | undefined {
  try {
    const cost = costOf({ schema, document, variableValues: variables, operationName });
    return cost > LIMITS.cost ? refusal('QUERY_TOO_COSTLY', `This asks for about ${cost} objects; ${LIMITS.cost} are allowed. Ask for shorter lists.`) : undefined;
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    return error.extensions['code'] === undefined ? refusal('QUERY_TOO_COSTLY', error.message) : error;
  }
}

/** Objects of the answer, about: of an operation with valid variables. Throws a refusal where a list is too long. */
export function costOf({ schema, document, variableValues, operationName }: Pick<ExecutionArgs, 'schema' | 'document' | 'variableValues' | 'operationName'>): number {
  return getComplexity({ schema, query: document, variables: { ...variableValues }, estimators: [estimate], ...(operationName ? { operationName } : {}) });
}

/** What getComplexity would fail at, too. */
export function areVariablesValid(schema: GraphQLSchema, { definitions }: DocumentNode, variables: Record<string, unknown>, operationName: string | null | undefined): boolean {
  const operation = definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION && (!operationName || definition.name?.value === operationName),
  ) as OperationDefinitionNode | undefined;
  return getVariableValues(schema, operation?.variableDefinitions ?? [], variables, { maxErrors: 1 }).errors === undefined;
}

const estimate: ComplexityEstimator = ({ type, field, args, childComplexity }) => {
  const name = `${type.name}.${field.name}`;
  const isReadAgain = READS_AGAIN.has(name) && typeof args['asOf'] === 'string';
  const own = name === ASKS_THE_MODEL ? COST_OF_ASKING_THE_MODEL : FINDS_OUT.has(name) ? COST_OF_FINDING : isReadAgain ? COST_OF_READING_AGAIN : FETCHED_WHOLE.has(name) ? COST_OF_FETCHING : 0;
  const rows = rowsAskedFor(field.name, String(field.type), args);
  if (rows === undefined) return own + childComplexity + (childComplexity > 0 ? 1 : 0);
  // Points of a map are four numbers each and nothing is loaded for them.
  if (field.name === 'customerMap') return rows / 10;
  return own + rows * (childComplexity + 1);
};

function rowsAskedFor(name: string, type: string, args: Record<string, unknown>): number | undefined {
  const most = name === 'customerMap' ? MOST_POINTS : MOST_ROWS;
  const asked = args['first'] ?? args['sample'];
  if (typeof asked === 'number') {
    if (asked < 0 || asked > most) throw refusal('LIST_TOO_LONG', `${name} has 0 to ${most} rows at a time; ${asked} were asked for.`);
    // A connection's rows are those of its edges and nodes, which are not counted a second time.
    return asked;
  }
  return type.startsWith('[') && !isOfPage(name) ? USUAL_ROWS : undefined;
}

function isOfPage(name: string): boolean {
  return name === 'edges' || name === 'nodes' || name === 'points';
}

/** The rules report and go on, with a code of ours; thrown, they would be answered with 500. */
function reporting(code: string, message: string) {
  return {
    propagateOnRejection: false,
    onReject: [(context: ValidationContext | null) => context?.reportError(ruleRefusal(code, message))],
  };
}
