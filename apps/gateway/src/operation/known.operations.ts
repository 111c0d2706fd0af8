import { type DocumentNode, type ExecutionResult, getOperationAST, getVariableValues, type GraphQLSchema, Kind, type OperationDefinitionNode, OperationTypeNode, specifiedScalarTypes, type TypeNode, visit } from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';

import { Admission, type Operation } from '../admission/admission.js';
import { isTraffic } from '../audit/traffic.js';
import type { Caller } from '../graphql/message.js';

/** An operation as it was sent: what it is known by. */
export interface Asked {
  readonly text: string;
  readonly variables: Record<string, unknown>;
  readonly operationName?: string | null | undefined;
}

export interface Program {
  /** Changes nothing: however many ask, it may be executed once. */
  readonly isQuery: boolean;
  /** Undefined, and nothing executed, where the variables are of a wrong type. */
  execute(context: object, variables: Record<string, unknown>): ExecutionResult | Promise<ExecutionResult> | undefined;
}

interface Known {
  readonly document: DocumentNode;
  times: number;
  /** Undefined until it was asked often enough; null for what is not compiled. */
  program: Program | null | undefined;
}

const MOST_KNOWN = 1_000;
/** Compiling takes milliseconds, which what is asked once or twice is not worth. */
const WORTH_COMPILING = 3;
/** A program is about as long as its text: nobody fills the memory with them. */
const LONGEST_TEXT = 8_192;
const LOOKS_AT_SCHEMA = /\b__(?:schema|type)\b/;

/**
 * Queries (and events) that came before, in all but the values of their variables, and were parsed, validated and let in then.
 * They are executed by a program made of them instead of being interpreted field by field.
 */
export class KnownOperations {
  private readonly known = new LRUCache<string, Known>({ max: MOST_KNOWN });
  private readonly admission: Admission;

  constructor(private readonly schema: GraphQLSchema) {
    this.admission = new Admission(schema);
  }

  /** The refusal of an operation that was parsed and validated; what is let in is known from then on. */
  refusalOf(text: string, operation: Operation, caller: Caller) {
    const refused = this.admission.refusalOf(operation, caller);
    if (!refused) this.remember(text, operation);
    return refused;
  }

  /** The program of an operation that this caller may have executed; undefined where that is still to be found out. */
  programOf({ text, variables, operationName }: Asked, caller: Caller): Program | undefined {
    const known = this.known.get(nameOf(text, operationName));
    if (!known?.program || !this.admission.wasLetIn({ document: known.document, variables, operationName }, caller)) return undefined;
    return known.program;
  }

  private remember(text: string, { document, operationName }: Operation): void {
    const name = nameOf(text, operationName);
    const before = this.known.get(name);
    // Whoever parsed it anew (its document was forgotten) has it let in anew.
    const known = before?.document === document ? before : { document, times: before?.times ?? 0, program: undefined };
    known.times += 1;
    if (known.times >= WORTH_COMPILING && known.program === undefined) known.program = this.compile(text, document, operationName);
    this.known.set(name, known);
  }

  private compile(text: string, document: DocumentNode, operationName: string | null | undefined): Program | null {
    const operation = getOperationAST(document, operationName);
    if (!operation || !isOftenAsked(operation) || text.length > LONGEST_TEXT || LOOKS_AT_SCHEMA.test(text)) return null;
    const compiled = compileQuery(this.schema, withReadVariables(document), operationName ?? '', { disablingCapturingStackErrors: true });
    if (!isCompiledQuery(compiled)) return null;
    const { variableDefinitions = [] } = operation;
    return {
      isQuery: operation.operation === OperationTypeNode.QUERY,
      execute: (context, variables) => {
        const { errors, coerced } = getVariableValues(this.schema, variableDefinitions, variables, { maxErrors: 1 });
        return errors ? undefined : compiled.query(undefined, context, coerced);
      },
    };
  }
}

/**
 * The document, whose variables of types of ours are taken as they are. All are read before, by the same code as Apollo's:
 * graphql-jit's own knows no default of a field that may not be null (an event's type).
 */
function withReadVariables(document: DocumentNode): DocumentNode {
  const asItIs = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'JSON' } } as const;
  return visit(document, { VariableDefinition: ({ kind, variable, type }) => (OWN_SCALARS.has(nameOfType(type)) ? undefined : { kind, variable, type: asItIs }) });
}

/** Of GraphQL itself: what was read stays the same when it is read again. */
const OWN_SCALARS: ReadonlySet<string> = new Set(specifiedScalarTypes.map(({ name }) => name));

function nameOfType(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOfType(type.type);
}

/** Deeds are rare, and each is entered in the trail: what is gained by executing them sooner is not worth a second way of doing them. */
function isOftenAsked(operation: OperationDefinitionNode): boolean {
  return operation.operation === OperationTypeNode.QUERY || (operation.operation === OperationTypeNode.MUTATION && isTraffic(operation));
}

function nameOf(text: string, operationName: string | null | undefined): string {
  return operationName ? `${operationName}\0${text}` : text;
}
