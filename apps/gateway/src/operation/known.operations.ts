import { type DocumentNode, getOperationAST, type GraphQLSchema, OperationTypeNode } from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';

import { Admission, type Operation } from '../admission/admission.js';
import type { Caller } from '../graphql/message.js';

/** A query as it was sent: what it is known by. */
export interface Asked {
  readonly text: string;
  readonly variables: Record<string, unknown>;
  readonly operationName?: string | null | undefined;
}

interface Known {
  readonly document: DocumentNode;
  times: number;
  /** Undefined until it was asked often enough; null for what is not compiled. */
  compiled: CompiledQuery['query'] | null | undefined;
}

const MOST_KNOWN = 1_000;
/** Compiling takes milliseconds, which what is asked once or twice is not worth. */
const WORTH_COMPILING = 3;
/** A program is about as long as its text: nobody fills the memory with them. */
const LONGEST_TEXT = 8_192;
const LOOKS_AT_SCHEMA = /\b__(?:schema|type)\b/;

/**
 * Queries that came before, in all but the values of their variables, and were parsed, validated and let in then.
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

  /** The program of a query that this caller may have executed; undefined where that is still to be found out. */
  programOf({ text, variables, operationName }: Asked, caller: Caller): CompiledQuery['query'] | undefined {
    const known = this.known.get(nameOf(text, operationName));
    if (!known?.compiled || !this.admission.wasLetIn({ document: known.document, variables, operationName }, caller)) return undefined;
    return known.compiled;
  }

  private remember(text: string, { document, operationName }: Operation): void {
    const name = nameOf(text, operationName);
    const before = this.known.get(name);
    // Whoever parsed it anew (its document was forgotten) has it let in anew.
    const known = before?.document === document ? before : { document, times: before?.times ?? 0, compiled: undefined };
    known.times += 1;
    if (known.times >= WORTH_COMPILING && known.compiled === undefined) known.compiled = this.compile(text, document, operationName);
    this.known.set(name, known);
  }

  private compile(text: string, document: DocumentNode, operationName: string | null | undefined): CompiledQuery['query'] | null {
    const isQuery = getOperationAST(document, operationName)?.operation === OperationTypeNode.QUERY;
    if (!isQuery || text.length > LONGEST_TEXT || LOOKS_AT_SCHEMA.test(text)) return null;
    const compiled = compileQuery(this.schema, document, operationName ?? '', { disablingCapturingStackErrors: true });
    return isCompiledQuery(compiled) ? compiled.query : null;
  }
}

function nameOf(text: string, operationName: string | null | undefined): string {
  return operationName ? `${operationName}\0${text}` : text;
}
