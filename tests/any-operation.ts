import { readdirSync, readFileSync } from 'node:fs';

import fc from 'fast-check';
import {
  buildSchema, getNamedType, getNullableType, type GraphQLArgument, type GraphQLField, type GraphQLInputType, type GraphQLNamedType, type GraphQLOutputType, type GraphQLSchema, isAbstractType, isEnumType,
  isInputObjectType, isLeafType, isListType, isNonNullType, isObjectType,
} from 'graphql';

/** An operation on one root field, and the values of its variables. */
export interface AnyOperation {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

const FOLDER = 'apps/gateway/schema';
/** Of objects in objects; the operations' cost is bounded, too. */
const DEPTH = 2;
/** Fields that are objects, of each type that is looked into. */
const OBJECTS_ASKED = 3;

type Field = GraphQLField<unknown, unknown>;
type Variable = readonly [definition: string, name: string, value: fc.Arbitrary<unknown>];

/** Texts that a person or a program might send, and that should not. */
const HOSTILE = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ' ', '\0', 'a\0b', '\ud800', '💥', '__proto__', '{}', '[]', '-1', '1e400', 'NaN', '%', "'; --", '../..', 'x'.repeat(5_000), '2026-02-30T00:00:00Z', 'WzAsMF0'),
);
const NUMBERS = fc.oneof(fc.constantFrom(0, 1, -1, 0.5, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 53), fc.double({ noNaN: true, noDefaultInfinity: true }));
const TIMES = fc.oneof(
  { weight: 3, arbitrary: fc.date({ noInvalidDate: true, min: new Date('0001-01-02'), max: new Date('9999-12-30') }).map((date) => date.toISOString()) },
  { weight: 1, arbitrary: HOSTILE },
);

/** Operations on every field of Query or Mutation, by the SDL; `ids` are some that there are, `names` words that mean something. */
export function anyOperationOf(root: 'Query' | 'Mutation', ids: readonly string[], names: readonly string[], without: readonly string[] = []): { readonly fields: readonly string[]; readonly operation: fc.Arbitrary<AnyOperation> } {
  const schema = buildSchema(readdirSync(FOLDER).map((file) => readFileSync(`${FOLDER}/${file}`, 'utf8')).join('\n'));
  const type = root === 'Query' ? schema.getQueryType() : schema.getMutationType();
  const fields = Object.values(type?.getFields() ?? {}).filter(({ name }) => !without.includes(name));
  const leaves: Leaves = { id: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ids) }, HOSTILE), text: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...names, ...ids) }, HOSTILE) };
  return { fields: fields.map(({ name }) => name), operation: fc.oneof(...fields.map((field) => operationOn(schema, root, field, leaves))) };
}

interface Leaves {
  readonly id: fc.Arbitrary<string>;
  readonly text: fc.Arbitrary<string>;
}

function operationOn(schema: GraphQLSchema, root: string, field: Field, leaves: Leaves): fc.Arbitrary<AnyOperation> {
  const variables: Variable[] = [];
  const selection = select(schema, field, variables, leaves, DEPTH);
  const definitions = variables.map(([definition]) => definition).join(', ');
  const query = `${root.toLowerCase()}${definitions === '' ? '' : `(${definitions})`} { ${selection} }`;
  return fc.record(Object.fromEntries(variables.map(([, name, value]) => [name, value])), { requiredKeys: [], noNullPrototype: true }).map((values) => ({ query, variables: values }));
}

/** A field with a variable for each of its arguments, and what is asked of what it gives. */
function select(schema: GraphQLSchema, { name, args, type }: Field, variables: Variable[], leaves: Leaves, depth: number): string {
  const given = args.map((argument) => {
    const variable = `v${variables.length}`;
    variables.push([`$${variable}: ${String(argument.type)}`, variable, valueOf(argument.type, leaves, 0)]);
    return `${argument.name}: $${variable}`;
  });
  const inner = selectionOf(schema, type, variables, leaves, depth);
  return `${name}${given.length === 0 ? '' : `(${given.join(', ')})`}${inner === '' ? '' : ` { ${inner} }`}`;
}

function selectionOf(schema: GraphQLSchema, output: GraphQLOutputType, variables: Variable[], leaves: Leaves, depth: number): string {
  const type: GraphQLNamedType = getNamedType(output);
  if (isAbstractType(type)) return ['__typename', ...schema.getPossibleTypes(type).map((one) => `... on ${one.name} { __typename ${valuesOf(Object.values(one.getFields()), false)} }`)].join(' ');
  if (!isObjectType(type)) return '';
  const fields = Object.values(type.getFields());
  const objects = depth === 0 ? [] : fields.filter((field) => !isLeafType(getNamedType(field.type)) && field.name !== 'edges').slice(0, OBJECTS_ASKED);
  return ['__typename', valuesOf(fields, true), ...objects.map((field) => select(schema, field, variables, leaves, depth - 1))].filter((part) => part !== '').join(' ');
}

/** Fields that are values and need no argument; of types that may stand for one another those alone that cannot contradict. */
function valuesOf(fields: readonly Field[], isAlone: boolean): string {
  return fields.filter(({ name, type, args }) => isLeafType(getNamedType(type)) && args.every(isOptional) && (isAlone || ['id', 'code', 'message'].includes(name))).map(({ name }) => name).join(' ');
}

const isOptional = ({ type, defaultValue }: GraphQLArgument) => !isNonNullType(type) || defaultValue !== undefined;

function valueOf(type: GraphQLInputType, leaves: Leaves, depth: number): fc.Arbitrary<unknown> {
  const value = present(getNullableType(type), leaves, depth);
  return isNonNullType(type) ? value : fc.option(value, { freq: 5 });
}

function present(type: GraphQLInputType, leaves: Leaves, depth: number): fc.Arbitrary<unknown> {
  if (isListType(type)) return fc.array(valueOf(type.ofType as GraphQLInputType, leaves, depth + 1), { maxLength: 3 });
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(({ name }) => name));
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter((field) => depth < 4 || isNonNullType(field.type));
    return fc.record(Object.fromEntries(fields.map((field) => [field.name, valueOf(field.type, leaves, depth + 1)])), {
      requiredKeys: fields.filter((field) => isNonNullType(field.type) && field.defaultValue === undefined).map(({ name }) => name),
      noNullPrototype: true,
    });
  }
  switch (getNamedType(type).name) {
    case 'ID':
      return leaves.id;
    case 'Int':
    case 'SafeInt':
      return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(0, 1, 2, 5, 10) }, fc.constantFrom(-1, 100, 101, 2 ** 31 - 1, -(2 ** 31)));
    case 'Float':
      return NUMBERS;
    case 'Boolean':
      return fc.boolean();
    case 'DateTime':
      return TIMES;
    case 'String':
      return leaves.text;
    default:
      return fc.jsonValue();
  }
}
