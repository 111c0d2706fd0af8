import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { isDeeper } from '../event/event.text.js';
import { compilePattern } from './tracking-plan.pattern.js';
import { SchemaError, weigh } from './tracking-plan.weight.js';

/** What is wrong with an event's properties (JSON); empty: nothing. */
export type SchemaCheck = (properties: string) => readonly ErrorObject[];

type Fields = Readonly<Record<string, unknown>>;

const MAX_SCHEMA_BYTES = 32 * 1024;
const MAX_DEPTH = 32;
/** Keywords that are applied to one event's values, about; as many errors may be held at once. */
const MOST_STEPS = 50_000;
const TOO_MUCH: ErrorObject = {
  instancePath: '', schemaPath: '#', keyword: 'size', params: {},
  message: 'have too many values for what is declared of each: send fewer, or declare less',
};
const FORMATS = ['date-time', 'date', 'time', 'email', 'uuid', 'uri', 'ipv4'] as const;

/** Knows the dialect's own schema, and no other. */
const dialect = new Ajv2020({ strict: false });
const OPTIONS: Options = {
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allErrors: true,
  meta: false,
  validateSchema: false,
  code: { regExp: Object.assign(compilePattern, { code: 'compilePattern' }) },
};

/**
 * A check of one JSON Schema (2020-12), bounded in time and memory: what would take more steps than that is a
 * violation of its own. Throws SchemaError for what is no schema, refers elsewhere or to itself, or might be slow.
 */
export function compileSchema(schema: unknown): SchemaCheck {
  const root = boundedObject(schema);
  const { repeated, once } = weigh(root);
  const validate = compiled(root);
  return (properties) => {
    if (valuesIn(properties) * repeated + once > MOST_STEPS) return [TOO_MUCH];
    return validate(JSON.parse(properties)) ? [] : (validate.errors ?? []);
  };
}

function compiled(schema: Fields): ValidateFunction {
  if (dialect.validateSchema(schema) !== true) throw unusable(dialect.errorsText(dialect.errors, { dataVar: 'schema' }), dialect.errors?.[0]?.instancePath);
  // One for each: an instance keeps what it has compiled for as long as it lives.
  const ajv = new Ajv2020(OPTIONS);
  // ajv-formats is written for CommonJS.
  (addFormats as unknown as typeof addFormats.default)(ajv, { mode: 'fast', formats: [...FORMATS] });
  try {
    return ajv.compile(schema);
  } catch (error) {
    throw unusable((error as Error).message);
  }
}

const unusable = (why: string, path = '') => new SchemaError(path, `This is no JSON Schema that can be used: ${why}. Formats there are: ${FORMATS.join(', ')}.`);

/** At most so many values does a JSON text have: each but the first lies behind a comma or a bracket. */
function valuesIn(json: string): number {
  let values = 1;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x2c || code === 0x5b || code === 0x7b) values++;
  }
  return values;
}

function boundedObject(schema: unknown): Fields {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) throw new SchemaError('', 'A schema is a JSON object, for example {"type": "object", "required": ["revenue"]}.');
  if (isDeeper(schema, MAX_DEPTH)) throw new SchemaError('', `Objects and lists of a schema lie in one another at most ${MAX_DEPTH} deep.`);
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > MAX_SCHEMA_BYTES) throw new SchemaError('', `The schema has ${bytes} bytes; ${MAX_SCHEMA_BYTES} are allowed.`);
  return schema as Fields;
}
