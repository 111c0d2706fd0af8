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

type Fields = Readonly<Record<string, unknown>>;

/** Keywords that a validator applies, references followed: to an event once, and to every item or property that it has. */
export interface Weight {
  readonly once: number;
  readonly repeated: number;
}

const MOST_ONCE = 1_000;
const MOST_REPEATED = 100;
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const ONE = ['not', 'if', 'then', 'else'];
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const NAMED = ['properties', 'dependentSchemas'];
/** Keywords that are applied to every item or property there is. */
const EACH = ['items', 'contains', 'additionalProperties', 'propertyNames', 'unevaluatedItems', 'unevaluatedProperties'];
/** Names and values of a list that are as much work as a keyword, and keywords that are as much as a pattern. */
const VALUES_A_KEYWORD = 20;
const KEYWORDS_A_PATTERN = 10;
const REFUSED: Readonly<Record<string, string>> = {
  $id: 'A schema stands for itself here: leave "$id" out.',
  $anchor: 'Only "$ref": "#/$defs/…" is followed: leave "$anchor" out.',
  $dynamicRef: 'Only "$ref": "#/$defs/…" is followed: leave "$dynamicRef" out.',
  $dynamicAnchor: 'Only "$ref": "#/$defs/…" is followed: leave "$dynamicAnchor" out.',
  $vocabulary: 'Leave "$vocabulary" out.',
  $async: 'Leave "$async" out.',
  uniqueItems: '"uniqueItems" compares every item with every other, which is too slow: leave it out.',
};

/** What checking an event by this schema costs. Throws SchemaError where that is too much, has no bound, or needs another schema. */
export function weigh(root: Fields): Weight {
  return new Walk(root).weigh(root, '', []);
}

class Walk {
  private patterns = 0;
  private readonly known = new Map<string, Weight>();

  constructor(private readonly root: Fields) {}

  /** `following`: names of the definitions that this schema is within. */
  weigh(schema: unknown, path: string, following: readonly string[]): Weight {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return { once: 1, repeated: 0 };
    const fields = schema as Fields;
    this.refuse(fields, path);
    let once = ownWeight(fields);
    let repeated = 0;
    const add = (weight: Weight) => {
      once += weight.once;
      repeated += weight.repeated;
    };
    const inner = (value: unknown, at: string) => this.weigh(value, `${path}/${at}`, following);
    for (const keyword of ONE) if (keyword in fields) add(inner(fields[keyword], keyword));
    for (const keyword of LISTS) for (const [at, one] of listOf(fields[keyword]).entries()) add(inner(one, `${keyword}/${at}`));
    for (const keyword of NAMED) for (const [name, one] of Object.entries(objectOf(fields[keyword]))) add(inner(one, `${keyword}/${name}`));
    for (const keyword of EACH) if (keyword in fields) add(each(inner(fields[keyword], keyword)));
    for (const [pattern, one] of Object.entries(objectOf(fields['patternProperties']))) {
      this.pattern(pattern, `${path}/patternProperties`);
      add({ once: 0, repeated: KEYWORDS_A_PATTERN });
      add(each(inner(one, 'patternProperties')));
    }
    if ('$ref' in fields) add(this.follow(fields['$ref'], path, following));
    // Definitions are counted where they are referred to; here only what must not be in them is looked for.
    if (schema === this.root) for (const name of Object.keys(objectOf(fields['$defs']))) this.follow(`#/$defs/${name}`, path, following);
    if (once > MOST_ONCE) throw new SchemaError(path, `The schema has more than ${MOST_ONCE} keywords, references followed. Say less in one event.`);
    if (repeated > MOST_REPEATED) throw new SchemaError(path, `More than ${MOST_REPEATED} keywords are applied to every item or property there is (${EACH.join(', ')}, patternProperties; references followed). Say less of each.`);
    return { once, repeated };
  }

  private follow(ref: unknown, path: string, following: readonly string[]): Weight {
    const name = typeof ref === 'string' ? /^#\/\$defs\/([^/~%]+)$/.exec(ref)?.[1] : undefined;
    if (name === undefined) throw new SchemaError(`${path}/$ref`, `"$ref" may only name a definition of the same schema, as in "#/$defs/price".`);
    if (following.includes(name)) throw new SchemaError(`${path}/$ref`, `The definition "${name}" refers to itself, which has no bound: write out as many levels as there are.`);
    const definitions = objectOf(this.root['$defs']);
    if (!Object.hasOwn(definitions, name)) throw new SchemaError(`${path}/$ref`, `There is no definition "${name}" in "$defs".`);
    const known = this.known.get(name);
    if (known) return known;
    const weight = this.weigh(definitions[name], `/$defs/${name}`, [...following, name]);
    this.known.set(name, weight);
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

function ownWeight(fields: Fields): number {
  const values = listOf(fields['enum']).length + listOf(fields['required']).length;
  return Math.max(Object.keys(fields).length, 1) + Math.floor(values / VALUES_A_KEYWORD) + ('pattern' in fields ? KEYWORDS_A_PATTERN : 0);
}

/** What is applied to each of many is repeated with all that lies in it. */
const each = ({ once, repeated }: Weight): Weight => ({ once: 0, repeated: once + repeated });

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function objectOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
