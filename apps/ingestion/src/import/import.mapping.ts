import { z } from '#libs/config';

/** docs/api/mapping.md explains every field with examples; this is the law. */
const columns = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const condition = z
  .strictObject({
    column: z.string().min(1),
    empty: z.boolean().optional(),
    equals: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
    startsWith: z.string().min(1).optional(),
    matches: z.string().min(1).optional().describe('regular expression (RE2) anywhere in the text'),
    below: z.number().optional(),
    above: z.number().optional(),
  })
  .refine((value) => Object.keys(value).length > 1, 'says a column but nothing about it: add empty, equals, startsWith, matches, below or above');
const when = z.union([condition, z.array(condition).min(1)]);

const kind = z.enum(['categorical', 'numeric', 'boolean', 'time', 'json']);
const value = z.union([
  z.strictObject({ column: z.string().min(1), kind: kind.optional() }),
  z.strictObject({ multiply: z.array(z.string().min(1)).min(2) }),
  z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
]);
const aggregate = z.enum(['first', 'last', 'sum', 'min', 'max', 'mean', 'count', 'distinct']);
const property = z.union([
  z.strictObject({ column: z.string().min(1), kind: kind.optional(), aggregate: aggregate.optional() }),
  z.strictObject({ multiply: z.array(z.string().min(1)).min(2), aggregate: aggregate.optional() }),
  z.strictObject({ constant: z.union([z.string(), z.number(), z.boolean()]) }),
]);

const id = z.strictObject({
  column: columns,
  separator: z.string().default('-'),
  prefix: z.string().max(32).default(''),
  integer: z.boolean().default(false).describe('13085.0 becomes 13085'),
});

const UNITS = ['microseconds', 'milliseconds', 'seconds', 'minutes', 'hours', 'days', 'weeks'] as const;
const time = z.strictObject({
  column: z.string().min(1),
  format: z.union([z.string(), z.array(z.string()).min(1)]).optional().describe('strptime, for example %d/%m/%Y %H:%M'),
  timezone: z.string().default('UTC').describe('of times that carry none'),
  unit: z.enum(UNITS).optional().describe('for numbers: what one of them is'),
  origin: z.iso.datetime({ offset: true }).default('1970-01-01T00:00:00Z').describe('for numbers: when zero was'),
});

const event = z.union([
  z.strictObject({ name: z.string().min(1).max(255) }),
  z.strictObject({ column: z.string().min(1) }),
  z.strictObject({ rules: z.array(z.strictObject({ when, name: z.string().min(1).max(255) })).min(1), otherwise: z.string().min(1).max(255) }),
]);

const fold = z.strictObject({
  by: z.array(z.string().min(1)).min(1),
  time: z.enum(['earliest', 'latest']).default('earliest'),
  list: z.strictObject({ property: z.string().min(1), fields: z.record(z.string().min(1), value) }).optional(),
});

const workspace = z.strictObject({
  clock: z.enum(['DATA', 'LIVE']).optional(),
  timezone: z.string().min(1).optional(),
  currency: z.string().length(3).optional(),
  mainEvents: z.array(z.string().min(1)).optional(),
  valueProperty: z.string().min(1).optional(),
});

const file = z.strictObject({
  format: z.enum(['csv', 'parquet', 'ndjson']).optional(),
  delimiter: z.string().min(1).max(16).optional().describe('one character, or "whitespace"'),
  quote: z.string().max(1).optional().describe('the sign around values; "" where none is'),
  header: z.boolean().optional(),
  columns: z.array(z.string().min(1)).min(1).optional().describe('names of the columns, where the file has no header'),
});

const FORMAT = z.literal('kindred.mapping/1').default('kindred.mapping/1');

const segmentMapping = z.strictObject({
  format: FORMAT,
  form: z.literal('segment').describe('every line is a call in Segment’s form'),
  file: file.optional(),
  workspace: workspace.default({}),
});

const columnMapping = z.strictObject({
  format: FORMAT,
  form: z.literal('columns').default('columns'),
  file: file.optional(),
  customer: id.optional().describe('user id'),
  anonymous: id.optional().describe('anonymous id, of whoever has no user id yet'),
  time,
  event,
  messageId: id.optional().describe('absent: made from what the row says, so that the same file twice changes nothing'),
  skip: z.array(z.strictObject({ when, reason: z.string().min(1).max(100) })).default([]),
  properties: z.record(z.string().min(1), property).default({}),
  fold: fold.optional(),
  workspace: workspace.default({}),
}).refine(({ customer, anonymous }) => customer ?? anonymous, 'names no column of whose a row is: add customer, anonymous, or both');

export const mappingSchema = z.union([segmentMapping, columnMapping]);

export type Mapping = z.infer<typeof mappingSchema>;
export type ColumnMapping = z.infer<typeof columnMapping>;
export type MappingInput = z.input<typeof columnMapping>;
export type Condition = z.infer<typeof condition>;
export type Value = z.infer<typeof value>;
export type Property = z.infer<typeof property>;
export type PropertyKind = z.infer<typeof kind>;
export type IdMapping = z.infer<typeof id>;
export type FileMapping = z.infer<typeof file>;

/** What a mapping says wrongly; `column` where it names one that the file has not. */
export class MappingError extends Error {
  constructor(
    message: string,
    readonly column?: string,
    readonly columns?: readonly string[],
  ) {
    super(message);
  }
}

/** Reads a mapping's JSON; throws MappingError that names the place. */
export function parseMapping(json: string): Mapping {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch (error) {
    throw new MappingError(`The mapping is no JSON: ${(error as Error).message}`);
  }
  // The form decides which law holds, so that a complaint is about that one alone.
  const isSegment = (given as { form?: unknown } | null)?.form === 'segment';
  const result = isSegment ? segmentMapping.safeParse(given) : columnMapping.safeParse(given);
  if (result.success) return result.data;
  const lines = result.error.issues.map(({ path, message }) => `${path.join('.') || 'mapping'}: ${message}`);
  throw new MappingError(`The mapping cannot be used. ${lines.join('; ')}`);
}

export const columnsOf = ({ column }: Pick<IdMapping, 'column'>): readonly string[] => (typeof column === 'string' ? [column] : column);

/** Columns of all ids that say whose a row is. */
export const columnsOfCustomer = ({ customer, anonymous }: Pick<ColumnMapping, 'customer' | 'anonymous'>): string[] => [customer, anonymous].flatMap((one) => (one ? columnsOf(one) : []));

/** Every column that a mapping names, to be looked for in the file before anything is written. */
export function columnsNamed(mapping: ColumnMapping): string[] {
  const ofConditions = (given: Condition | Condition[]) => [given].flat().map(({ column }) => column);
  const ofValue = (given: Value | Property) => ('column' in given ? [given.column] : 'multiply' in given ? given.multiply : []);
  const { event: named, fold: folded } = mapping;
  return [
    ...new Set([
      ...columnsOfCustomer(mapping),
      mapping.time.column,
      ...('column' in named ? [named.column] : []),
      ...('rules' in named ? named.rules.flatMap((rule) => ofConditions(rule.when)) : []),
      ...(mapping.messageId ? columnsOf(mapping.messageId) : []),
      ...mapping.skip.flatMap((rule) => ofConditions(rule.when)),
      ...Object.values(mapping.properties).flatMap(ofValue),
      ...(folded?.by ?? []),
      ...Object.values(folded?.list?.fields ?? {}).flatMap(ofValue),
    ]),
  ];
}
