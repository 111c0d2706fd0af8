/**
 * What properties mean to features, to the letter as the worker has it (data/live.py): a number where a word is expected is written as JSON
 * writes it, true and false likewise; a numeral in a string is a number; an ISO 8601 string is a time; anything else is missing.
 */

/** An integer that a double cannot hold is a bigint, so that its digits survive. */
export type Json = null | boolean | number | bigint | string | Json[] | { readonly [key: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

const LARGEST = 1e21;
const LARGEST_AMOUNT = 1e30;
const NUMERAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/;
const WHOLE = /^-?\d+$/;
const MICROS_PER_MILLISECOND = 1_000;

/** Throws SyntaxError where these bytes are no JSON object. */
export function parseProperties(content: Uint8Array): JsonObject {
  if (content.length === 0) return {};
  const value = JSON.parse(Buffer.from(content).toString('utf8'), exactly as (key: string, value: unknown) => unknown) as Json;
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new SyntaxError('properties must be a JSON object');
  return value;
}

/** A reviver which sees the digits that were written. */
function exactly(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context.source ?? '';
  return WHOLE.test(source) ? BigInt(source) : value;
}

/** A property of the object itself, undefined where it has none. */
export function own(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

export function word(value: Json | undefined): string | null {
  switch (typeof value) {
    case 'string':
      return wellFormed(value);
    case 'boolean':
      return String(value);
    case 'bigint':
      return value < 10n ** 21n && value > -(10n ** 21n) ? String(value) : null;
    case 'number':
      return Number.isFinite(value) ? numeral(value) : null;
    default:
      return null;
  }
}

export function truth(value: Json | undefined): string | null {
  const said = word(value);
  return said === 'true' || said === 'false' ? said : null;
}

/** NaN where it is missing; beyond what models take of a number's size, that size. */
export function amount(value: Json | undefined): number {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return finite(Number(value));
  if (typeof value !== 'string') return Number.NaN;
  const trimmed = value.trim();
  return NUMERAL.test(trimmed) ? finite(Number(trimmed)) : Number.NaN;
}

/** Microseconds since 1970; NaN where it is missing. A time without an offset is in UTC. */
export function moment(value: Json | undefined): number {
  const [, day, clock = '00:00', offset = 'Z'] = (typeof value === 'string' && TIME.exec(value)) || [];
  return day ? Date.parse(`${day}T${clock}${offset}`) * MICROS_PER_MILLISECOND : Number.NaN;
}

/** Without lone surrogates, which are no text. */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.replace(/\p{Surrogate}/gu, '?');
}

/** A double in the shortest form that is read back as the same, an exponent in at least two digits, as Python and Arrow write it. */
function numeral(value: number): string {
  const size = Math.abs(value);
  if (Object.is(value, -0)) return '0';
  if (Number.isInteger(value) && size < LARGEST) return BigInt(value).toString();
  if (size >= 1e-4 && size < LARGEST) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent[0] ?? '+'}${exponent.slice(1).padStart(2, '0')}`;
}

function finite(value: number): number {
  return Number.isFinite(value) ? Math.max(-LARGEST_AMOUNT, Math.min(value, LARGEST_AMOUNT)) : Number.NaN;
}
