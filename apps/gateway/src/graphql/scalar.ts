import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { JSONResolver, SafeIntResolver } from 'graphql-scalars';

/** What the JSON scalar sends. Not text: services carry JSON as text, and sending that unread would be a mistake. */
export type Json = null | boolean | number | readonly (Json | string)[] | { readonly [name: string]: Json | string };

/** JSON that a service carries as text. */
export function parseJson(text: string): Json {
  return text === '' ? {} : (JSON.parse(text) as Json);
}

/** JSON as services take it: a text is JSON already, nothing is empty. */
export function jsonText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Times stay text from end to end, so that no precision is lost on the way. */
const DateTime = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  serialize: (value) => readTime(value),
  parseValue: (value) => readTime(value),
  parseLiteral: (node: ValueNode) => readTime(node.kind === Kind.STRING ? node.value : undefined),
});

function readTime(value: unknown): string {
  if (typeof value !== 'string' || !RFC_3339.test(value) || Number.isNaN(Date.parse(value))) {
    throw new GraphQLError('A time is written like 2026-11-23T09:30:00Z.', { extensions: { code: 'BAD_USER_INPUT' } });
  }
  return value;
}

export const scalars = { DateTime, JSON: JSONResolver, SafeInt: SafeIntResolver };
