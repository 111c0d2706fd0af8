import { GraphQLError, GraphQLScalarType, Kind, print, type ValueNode } from 'graphql';
import { JSONResolver, SafeIntResolver } from 'graphql-scalars';

import { jsonOf } from '#libs/grpc';

/** What the JSON scalar sends. Not text: services carry JSON as text, and sending that unread would be a mistake. */
export type Json = null | boolean | number | readonly (Json | string)[] | { readonly [name: string]: Json | string };

/** JSON that a service carries as text. */
export function parseJson(text: string): Json {
  return text === '' ? {} : (JSON.parse(text) as Json);
}

/** JSON as services take it: a text is JSON already, nothing is empty. */
export function jsonText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : jsonOf(value);
}

/** RFC 3339 with a zone; offsets as far as Postgres reads them. */
const RFC_3339 = /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-](0\d|1[0-5]):[0-5]\d)$/;
/** Of a value that is told back. */
const MOST_SHOWN = 40;

/** Times stay text from end to end, so that no precision is lost on the way. */
const DateTime = new GraphQLScalarType<string, string>({
  name: 'DateTime',
  serialize: (value) => readTime(value),
  parseValue: (value) => readTime(value),
  parseLiteral: (node: ValueNode) => readTime(node.kind === Kind.STRING ? node.value : print(node), node),
});

function readTime(value: unknown, node?: ValueNode): string {
  if (typeof value !== 'string' || !isTime(value)) {
    const shown = (typeof value === 'string' ? value : jsonOf(value)).slice(0, MOST_SHOWN);
    throw new GraphQLError(`"${shown}" is no time. Write one like 2026-11-23T09:30:00Z, with seconds and a zone, of a day that there is.`, {
      ...(node && { nodes: node }),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  }
  return value;
}

function isTime(text: string): boolean {
  const day = RFC_3339.exec(text)?.[1];
  if (day === undefined) return false;
  // Not every month has it; Date reads February 30th as March 2nd, and no service could.
  return Number(day) <= 28 || new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(day);
}

/** Whatever they are, ingestion judges them: a refused argument would refuse all events beside it. */
const EventText = new GraphQLScalarType<unknown, never>({ name: 'EventText' });
const EventTime = new GraphQLScalarType<unknown, never>({ name: 'EventTime' });

export const scalars = { DateTime, EventText, EventTime, JSON: JSONResolver, SafeInt: SafeIntResolver };
