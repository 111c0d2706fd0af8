import type { ErrorObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { isDeeper } from '../event/event.text.js';
import { compilePattern, MOST_PATTERNS } from './tracking-plan.pattern.js';

/** A schema that is not taken: where (a JSON pointer), and how to mend it. */
export class SchemaError extends Error {
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

/** What is wrong with an event's properties; empty: nothing. */
export type SchemaCheck = (properties: unknown) => readonly ErrorObject[];

type Fields = Readonly<Record<string, unknown>>;

export const MAX_SCHEMA_BYTES = 32 * 1024;
const MAX_DEPTH = 32;
/** Schemas within one, references followed: what one event may cost. */
const MOST_SCHEMAS = 1_000;
/** The same below a keyword that is applied to every item or property that an event has. */
const MOST_REPEATED = 50;
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
const FORMATS = ['date-time', 'date', 'time', 'email', 'uuid', 'uri', 'ipv4'] as const;

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const ONE = ['not', 'if', 'then', 'else'];
const REPEATED = ['items', 'contains', 'additionalProperties', 'propertyNames', 'unevaluatedItems', 'unevaluatedProperties'];
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const NAMED = ['properties', 'dependentSchemas'];
const REFUSED: Readonly<Record<string, string>> = {
  $id: 'A schema stands for itself here: leave "$id" out.',
  $anchor: 'Only "$ref": "#/$defs/…" is followed: leave "$anchor" out.',
  $dynamicRef: 'Only "$ref": "#/$defs/…" is followed: leave "$dynamicRef" out.',
  $dynamicAnchor: 'Only "$ref": "#/$defs/…" is followed: leave "$dynamicAnchor" out.',
  $vocabulary: 'Leave "$vocabulary" out.',
  $async: 'Leave "$async" out.',
  uniqueItems: '"uniqueItems" compares every item with every other, which is too slow: leave it out.',
};

const ajv = new Ajv2020({
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allErrors: true,
  // Every validator stands alone and is forgotten with its plan.
  addUsedSchema: false,
  code: { regExp: Object.assign(compilePattern, { code: 'compilePattern' }) },
});
// ajv-formats is written for CommonJS.
(addFormats as unknown as typeof addFormats.default)(ajv, { mode: 'fast', formats: [...FORMATS] });

/**
 * A check of one JSON Schema (2020-12), bounded: its cost is linear in an event's size whatever the event. Throws
 * SchemaError for what is no schema, refers elsewhere or to itself, or might be slow.
 */
export function compileSchema(schema: unknown): SchemaCheck {
  const root = boundedObject(schema);
  new Walk(root).weigh(root, '', []);
  try {
    const validate = ajv.compile(root);
    return (properties) => (validate(properties) ? [] : (validate.errors ?? []));
  } catch (error) {
    throw new SchemaError('', `This is no JSON Schema that can be used: ${(error as Error).message}. Formats there are: ${FORMATS.join(', ')}.`);
  } finally {
    ajv.removeSchema(root);
  }
}

function boundedObject(schema: unknown): Fields {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw new SchemaError('', 'A schema is a JSON object, for example {"type": "object", "required": ["revenue"]}.');
  if (isDeeper(schema, MAX_DEPTH)) throw new SchemaError('', `Objects and lists of a schema lie in one another at most ${MAX_DEPTH} deep.`);
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > MAX_SCHEMA_BYTES) throw new SchemaError('', `The schema has ${bytes} bytes; ${MAX_SCHEMA_BYTES} are allowed.`);
  return schema as Fields;
}

/** Walks a schema as a validator would, and counts what it would visit. */
class Walk {
  private patterns = 0;
  private readonly weights = new Map<string, number>();

  constructor(private readonly root: Fields) {}

  /** `following`: names of the definitions that this schema is within. */
  weigh(schema: unknown, path: string, following: readonly string[]): number {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return 1;
    const fields = schema as Fields;
    this.refuse(fields, path);
    let weight = 1;
    const add = (inner: unknown, at: string) => (weight += this.weigh(inner, `${path}/${at}`, following));
    for (const keyword of ONE) if (keyword in fields) add(fields[keyword], keyword);
    for (const keyword of LISTS) for (const [at, inner] of listOf(fields[keyword]).entries()) add(inner, `${keyword}/${at}`);
    for (const keyword of NAMED) for (const [name, inner] of Object.entries(objectOf(fields[keyword]))) add(inner, `${keyword}/${name}`);
    for (const keyword of REPEATED) if (keyword in fields) weight += this.repeated([fields[keyword]], `${path}/${keyword}`, following);
    const byPattern = objectOf(fields['patternProperties']);
    for (const pattern of Object.keys(byPattern)) this.pattern(pattern, `${path}/patternProperties`);
    weight += this.repeated(Object.values(byPattern), `${path}/patternProperties`, following);
    if ('$ref' in fields) weight += this.follow(fields['$ref'], path, following);
    // Definitions are counted where they are referred to; here only what must not be in them is looked for.
    if (schema === this.root) for (const name of Object.keys(objectOf(fields['$defs']))) this.follow(`#/$defs/${name}`, path, following);
    if (weight > MOST_SCHEMAS) throw new SchemaError(path, `The schema has more than ${MOST_SCHEMAS} schemas in it, references followed. Say less in one event.`);
    return weight;
  }

  /** What is applied to every item or property there is. */
  private repeated(schemas: readonly unknown[], path: string, following: readonly string[]): number {
    const weight = schemas.reduce<number>((sum, schema) => sum + this.weigh(schema, path, following), 0);
    if (weight > MOST_REPEATED) throw new SchemaError(path, `This is applied to every value there is, so at most ${MOST_REPEATED} schemas may lie in it; these are ${weight}.`);
    return weight;
  }

  private follow(ref: unknown, path: string, following: readonly string[]): number {
    const name = typeof ref === 'string' ? /^#\/\$defs\/([^/~%]+)$/.exec(ref)?.[1] : undefined;
    if (name === undefined) throw new SchemaError(`${path}/$ref`, `"$ref" may only name a definition of the same schema, as in "#/$defs/price".`);
    if (following.includes(name)) throw new SchemaError(`${path}/$ref`, `The definition "${name}" refers to itself, which has no bound: write out as many levels as there are.`);
    const definitions = objectOf(this.root['$defs']);
    if (!Object.hasOwn(definitions, name)) throw new SchemaError(`${path}/$ref`, `There is no definition "${name}" in "$defs".`);
    const known = this.weights.get(name);
    if (known !== undefined) return known;
    const weight = this.weigh(definitions[name], `/$defs/${name}`, [...following, name]);
    this.weights.set(name, weight);
    return weight;
  }

  private refuse(fields: Fields, path: string): void {
    for (const [keyword, why] of Object.entries(REFUSED)) if (Object.hasOwn(fields, keyword)) throw new SchemaError(`${path}/${keyword}`, why);
    const { $schema: dialect, $defs: definitions, pattern } = fields;
    if (dialect !== undefined && dialect !== DIALECT) throw new SchemaError(`${path}/$schema`, `Schemas are of the dialect ${DIALECT}.`);
    if (definitions !== undefined && fields !== this.root) throw new SchemaError(`${path}/$defs`, 'Put "$defs" at the top of the schema.');
    if (typeof pattern === 'string') this.pattern(pattern, `${path}/pattern`);
  }

  private pattern(pattern: string, path: string): void {
    if (++this.patterns > MOST_PATTERNS) throw new SchemaError(path, `A schema has at most ${MOST_PATTERNS} patterns.`);
    try {
      compilePattern(pattern);
    } catch (error) {
      throw new SchemaError(path, (error as Error).message);
    }
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
