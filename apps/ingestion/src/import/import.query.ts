import { createHash } from 'node:crypto';

import { literal } from '../scratch/scratch.js';
import { type ColumnMapping, columnsOf, columnsOfCustomer, type Condition, type IdMapping, type Property, type PropertyKind, type Value } from './import.mapping.js';
import { LINE, type Source } from './import.source.js';

/** Between a fault's reason and its detail; neither holds it. */
export const FAULT_SEPARATOR = '\x1e';
/** Why no event can be made of a row; docs/api/mapping.md says of each what to do. */
export const ROW_REASONS = ['ROW_MALFORMED', 'ID_MISSING', 'TIME_INVALID', 'NAME_MISSING', 'VALUE_INVALID'] as const;
type RowReason = (typeof ROW_REASONS)[number];
const FIELD_SEPARATOR = "chr(31)";
const ABSENT = 'chr(1)';

/** A column of table `staged` that an event's property or an item's field is made of. */
interface Staged {
  readonly field: string;
  readonly name: string;
  readonly sql: string;
  readonly kind: PropertyKind;
  readonly aggregate: string;
}

const EPOCH = "TIMESTAMPTZ '1970-01-01 00:00:00+00'";
/** Computed beside the file's own columns, under names that no file has. */
const own = (name: string) => `"kindred:${name}"`;

/**
 * SQL of table `staged`: one row per row of the file with what the mapping makes of it, `skip` (why it is left
 * out) or `fault` (reason and detail why no event can be made of it) with the row as a whole, and `part`: which of so many
 * parts of the customers it belongs to.
 */
export function stagingQuery(mapping: ColumnMapping, source: Source, now: Date, parts: number): string {
  const latest = `TIMESTAMPTZ ${literal(new Date(now.getTime() + 86_400_000).toISOString())}`;
  const values = [...stagedProperties(mapping, source), ...stagedFields(mapping, source)];
  const computed = {
    customer: idOf(mapping.customer, source),
    visitor: idOf(mapping.anonymous, source),
    name: nameOf(mapping, source),
    at: timeOf(mapping, source),
    message_key: messageKeyOf(mapping, source),
    is_made: mapping.messageId ? `${idOf(mapping.messageId, source)} IS NULL` : 'true',
    fold_key: foldKeyOf(mapping, source),
    ...Object.fromEntries(values.map(({ name, sql }) => [name, sql])),
    skip: skipOf(mapping, source),
  };
  const names = ['customer', 'visitor', 'name', 'message_key', 'is_made', 'fold_key', ...values.map(({ name }) => name), 'skip'];
  return `SELECT ${LINE} AS line, ${names.map((name) => `${own(name)} AS ${name}`).join(', ')},
      least(greatest(${own('at')}, ${EPOCH}), ${latest}) AS occurred_at,
      ${own('at')} NOT BETWEEN ${EPOCH} AND ${latest} AS is_clamped,
      ${own('fault')} AS fault,
      CASE WHEN ${own('fault')} IS NOT NULL THEN ${source.row} END AS whole,
      ${parts > 1 ? `(hash(coalesce(${own('customer')}, ${own('visitor')})) % ${parts})::INTEGER` : '0'} AS part
    FROM (
      SELECT *, CASE WHEN ${own('skip')} IS NULL THEN ${faultOf(mapping, source)} END AS ${own('fault')}
      FROM (SELECT *, ${Object.entries(computed).map(([name, sql]) => `${sql} AS ${own(name)}`).join(', ')} FROM ${source.relation}))`;
}

/**
 * SQL of the events of table `staged`: line, rows, customer (a user id), visitor (an anonymous id), name, occurred_at, is_clamped,
 * message_id, properties, list; in one order that is always the same. A part holds some of the customers with all that is
 * theirs: folding it fits into the memory, and each customer's events come in order.
 */
export function eventQuery(mapping: ColumnMapping, source: Source, part: number): string {
  const properties = stagedProperties(mapping, source);
  const usable = `FROM staged WHERE skip IS NULL AND fault IS NULL AND part = ${part}`;
  const iso = `strftime(moment, '%Y-%m-%dT%H:%M:%S.%fZ') AS occurred_at`;
  const object = `json_merge_patch('{}', ${objectOf(properties)})::VARCHAR`;
  if (mapping.fold) {
    const aggregates = properties.map(({ name, aggregate }) => `${aggregate} AS ${name}`);
    const moment = mapping.fold.time === 'latest' ? 'max' : 'min';
    const list = mapping.fold.list ? listOf(objectOf(stagedFields(mapping, source))) : 'NULL::VARCHAR';
    // Whoever has a user id is one customer, by whichever anonymous ids.
    const visitor = mapping.anonymous ? { key: ', CASE WHEN customer IS NULL THEN visitor END', first: 'arg_min(visitor, line)' } : { key: '', first: 'NULL::VARCHAR' };
    return `SELECT line, rows, customer, first_visitor, name, ${iso}, is_clamped, message_id, ${object} AS properties, list
      FROM (
        SELECT min(line) AS line, count(*) AS rows, customer, ${visitor.first} AS first_visitor, name, ${moment}(occurred_at) AS moment, bool_or(is_clamped) AS is_clamped,
          arg_min(message_key, line) AS message_id, ${[...aggregates, `${list} AS list`].join(', ')}
        ${usable} GROUP BY customer${visitor.key}, name, fold_key
      ) ORDER BY moment, line`;
  }
  // A row that says the very same as another is another event: its number among its equals tells them apart.
  const messageId = `message_key || CASE WHEN is_made THEN '-' || (row_number() OVER (PARTITION BY message_key ORDER BY line) - 1) ELSE '' END`;
  return `SELECT line, 1 AS rows, customer, visitor, name, ${iso}, is_clamped, message_id, properties, NULL::VARCHAR AS list
    FROM (SELECT line, customer, visitor, name, occurred_at AS moment, is_clamped, ${messageId} AS message_id, ${object} AS properties ${usable})
    ORDER BY moment, line`;
}

/** Items in the order of their lines. Sorted as a list: an aggregate with an order of its own holds buffers for every group. */
const listOf = (item: string) =>
  `'[' || array_to_string(list_transform(list_sort(list(struct_pack(line := line, item := ${item}::VARCHAR))), lambda one: one.item), ',') || ']'`;

const objectOf = (values: readonly Staged[]) => `json_object(${values.map(({ field, name, kind }) => `${literal(field)}, ${jsonOf(name, kind)}`).join(', ')})`;

function idOf(id: IdMapping | undefined, source: Source): string {
  if (!id) return 'NULL::VARCHAR';
  const columns = columnsOf(id).map((column) => {
    const text = source.text(column);
    return id.integer ? `coalesce(TRY_CAST(TRY_CAST(${text} AS DOUBLE) AS BIGINT)::VARCHAR, ${text})` : text;
  });
  // An id of several columns is whole or it is none.
  return `${literal(id.prefix)} || ${columns.join(` || ${literal(id.separator)} || `)}`;
}

function timeOf({ time }: ColumnMapping, source: Source): string {
  if (time.unit) return `TIMESTAMPTZ ${literal(time.origin)} + to_microseconds(TRY_CAST(${source.number(time.column)} * ${MICROSECONDS[time.unit]} AS BIGINT))`;
  return momentOf(time.column, time, source);
}

/** A column as a point in time; what carries no zone of its own is in `timezone`. */
function momentOf(column: string, { timezone, format }: { timezone: string; format?: string | string[] | undefined }, source: Source): string {
  const inZone = (sql: string) => `(${sql} AT TIME ZONE ${literal(timezone)})`;
  const own = source.time(column);
  if (own) return own.hasZone ? own.sql : inZone(own.sql);
  const text = source.text(column);
  if (format !== undefined) {
    const parsed = [format].flat().map((one) => ({ sql: `try_strptime(${text}, ${literal(one)})`, hasZone: /%[zZ]/.test(one) }));
    return `coalesce(${parsed.map(({ sql, hasZone }) => (hasZone ? sql : inZone(sql))).join(', ')})`;
  }
  // DuckDB wants seconds before a zone.
  const whole = `regexp_replace(${text}, '^(\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2})(Z|[+-]| |$)', '\\1:00\\2')`;
  const isZoned = `${text} LIKE '%:%' AND regexp_matches(${text}, '([+-]\\d{2}(:?\\d{2})?|[A-Za-z][A-Za-z_/+-]*)$')`;
  return `CASE WHEN ${isZoned} THEN TRY_CAST(${whole} AS TIMESTAMPTZ) ELSE ${inZone(`TRY_CAST(${text} AS TIMESTAMP)`)} END`;
}

const MICROSECONDS = {
  microseconds: 1, milliseconds: 1e3, seconds: 1e6, minutes: 6e7, hours: 3.6e9, days: 8.64e10, weeks: 6.048e11,
} as const;

function nameOf({ event }: ColumnMapping, source: Source): string {
  if ('name' in event) return literal(event.name);
  if ('column' in event) return source.text(event.column);
  const rules = event.rules.map(({ when, name }) => `WHEN ${conditionOf(when, source)} THEN ${literal(name)}`);
  return `CASE ${rules.join(' ')} ELSE ${literal(event.otherwise)} END`;
}

function conditionOf(when: Condition | Condition[], source: Source): string {
  return [when].flat().map((condition) => {
    const text = source.text(condition.column);
    const number = source.number(condition.column);
    const parts = [
      condition.empty === undefined ? [] : [`${text} IS ${condition.empty ? '' : 'NOT '}NULL`],
      condition.equals === undefined ? [] : [`coalesce(${text} IN (${[condition.equals].flat().map(literal).join(', ')}), false)`],
      condition.startsWith === undefined ? [] : [`coalesce(starts_with(${text}, ${literal(condition.startsWith)}), false)`],
      condition.matches === undefined ? [] : [`coalesce(regexp_matches(${text}, ${literal(condition.matches)}), false)`],
      condition.below === undefined ? [] : [`coalesce(${number} < ${condition.below}, false)`],
      condition.above === undefined ? [] : [`coalesce(${number} > ${condition.above}, false)`],
    ];
    return `(${parts.flat().join(' AND ')})`;
  }).join(' AND ');
}

function skipOf({ skip }: ColumnMapping, source: Source): string {
  if (skip.length === 0) return 'NULL::VARCHAR';
  return `CASE ${skip.map(({ when, reason }) => `WHEN ${conditionOf(when, source)} THEN ${literal(reason)}`).join(' ')} END`;
}

/** The first thing that keeps a row from becoming (part of) an event. */
function faultOf(mapping: ColumnMapping, source: Source): string {
  const fault = (reason: RowReason, detail: string) => `${literal(`${reason}${FAULT_SEPARATOR}`)} || ${detail}`;
  const shown = (column: string) => `coalesce('"' || left(${source.text(column)}, 60) || '"', 'empty')`;
  const numeric = [...new Set(valuesOf(mapping).flatMap((value) => numericColumns(value, source)))];
  const columns = columnsOfCustomer(mapping).join(', ');
  return `CASE
    WHEN ${source.fault} IS NOT NULL THEN ${fault('ROW_MALFORMED', source.fault)}
    WHEN coalesce(${own('customer')}, ${own('visitor')}) IS NULL THEN ${fault('ID_MISSING', literal(`${columns} is empty, so the row has no customer`))}
    WHEN ${own('at')} IS NULL THEN ${fault('TIME_INVALID', `${literal(`${mapping.time.column} is `)} || ${shown(mapping.time.column)} || ', which is no time'`)}
    WHEN ${own('name')} IS NULL THEN ${fault('NAME_MISSING', literal('the event has no name'))}
    ${numeric.map((column) => `WHEN ${source.text(column)} IS NOT NULL AND ${source.number(column)} IS NULL THEN ${fault('VALUE_INVALID', `${literal(`${column} is `)} || ${shown(column)} || ', which is no number'`)}`).join('\n    ')}
  END`;
}

/** Whether an event of such a file holds JSON as its sender wrote it, of which DuckDB reads more than there is: NaN, Infinity, numbers beyond a double. */
export const hasSendersJson = (mapping: ColumnMapping, source: Source): boolean => valuesOf(mapping).some((value) => kindOf(value, source) === 'json');

const valuesOf = ({ properties, fold }: ColumnMapping): (Value | Property)[] => [...Object.values(properties), ...Object.values(fold?.list?.fields ?? {})];

function numericColumns(value: Value | Property, source: Source): readonly string[] {
  if ('multiply' in value) return value.multiply;
  return 'column' in value && kindOf(value, source) === 'numeric' ? [value.column] : [];
}

function kindOf(value: Value | Property, source: Source): PropertyKind {
  if ('aggregate' in value && (value.aggregate === 'sum' || value.aggregate === 'mean')) return 'numeric';
  if ('multiply' in value) return 'numeric';
  if ('constant' in value) return typeof value.constant === 'number' ? 'numeric' : typeof value.constant === 'boolean' ? 'boolean' : 'categorical';
  return value.kind ?? source.columns.find(({ name }) => name === value.column)?.kind ?? 'categorical';
}

function sqlOf(value: Value | Property, source: Source, timezone: string): string {
  if ('multiply' in value) return value.multiply.map((column) => source.number(column)).join(' * ');
  if ('constant' in value) return typeof value.constant === 'string' ? literal(value.constant) : String(value.constant);
  const kind = kindOf(value, source);
  if (kind === 'numeric') return source.number(value.column);
  if (kind === 'boolean') return `TRY_CAST(${source.text(value.column)} AS BOOLEAN)`;
  if (kind === 'time') return momentOf(value.column, { timezone }, source);
  return kind === 'json' ? source.json(value.column) : source.text(value.column);
}

/** As a member of a JSON object: whole numbers without a fraction, what is no number as null. */
function jsonOf(sql: string, kind: PropertyKind): string {
  if (kind === 'numeric') return `CASE WHEN isfinite(${sql}) THEN CASE WHEN ${sql} = trunc(${sql}) AND abs(${sql}) < 1e15 THEN to_json((${sql})::BIGINT) ELSE to_json(${sql}) END END`;
  return kind === 'time' ? `to_json(strftime((${sql})::TIMESTAMPTZ, '%Y-%m-%dT%H:%M:%S.%gZ'))` : `to_json(${sql})`;
}

function stagedProperties(mapping: ColumnMapping, source: Source): Staged[] {
  return Object.entries(mapping.properties).map(([field, value], at) => {
    const name = `p${at}`;
    const how = 'aggregate' in value && value.aggregate ? value.aggregate : 'first';
    const kind = mapping.fold && NUMERIC_AGGREGATES.has(how) ? 'numeric' : kindOf(value, source);
    return { field, name, sql: sqlOf(value, source, mapping.time.timezone), kind, aggregate: AGGREGATE[how](name) };
  });
}

/** Fields of the items that rows are folded into. */
function stagedFields({ fold, time }: ColumnMapping, source: Source): Staged[] {
  return Object.entries(fold?.list?.fields ?? {}).map(([field, value], at) => ({
    field, name: `i${at}`, sql: sqlOf(value, source, time.timezone), kind: kindOf(value, source), aggregate: '',
  }));
}

const NUMERIC_AGGREGATES: ReadonlySet<string> = new Set(['count', 'distinct', 'sum', 'mean']);
// A sum is rounded where doubles stop to be exact in decimal, so that its last digits do not hang on the order of rows.
const AGGREGATE: Readonly<Record<NonNullable<Extract<Property, { column: string }>['aggregate']>, (name: string) => string>> = {
  first: (name) => `arg_min(${name}, line)`,
  last: (name) => `arg_max(${name}, line)`,
  sum: (name) => `round(sum(${name}), 6)`,
  min: (name) => `min(${name})`,
  max: (name) => `max(${name})`,
  mean: (name) => `round(avg(${name}), 6)`,
  count: (name) => `count(${name})::DOUBLE`,
  distinct: (name) => `count(DISTINCT ${name})::DOUBLE`,
};

const joined = (parts: readonly string[]) => `concat_ws(${FIELD_SEPARATOR}, ${parts.map((part) => `coalesce(${part}, ${ABSENT})`).join(', ')})`;
const keyed = (parts: readonly string[]) => `md5(${joined(parts)})`;

/** The same as `messageKeyOf` makes of all that a row says, for a row by itself: its columns' texts in the file's order. */
export const keyOfRow = (texts: readonly (string | null)[]) => createHash('md5').update(texts.map((text) => text ?? '\x01').join('\x1f')).digest('hex');

function foldKeyOf({ fold }: ColumnMapping, source: Source): string {
  return fold ? `md5_number(${joined(fold.by.map((column) => source.text(column)))})` : 'NULL::HUGEINT';
}

/** The sender's own message id, or where there is none: the folded rows' key, or all that the row says. */
function messageKeyOf(mapping: ColumnMapping, source: Source): string {
  const { fold, messageId, anonymous } = mapping;
  const customer = idOf(mapping.customer, source);
  const visitor = anonymous ? [`CASE WHEN ${customer} IS NULL THEN ${idOf(anonymous, source)} END`] : [];
  const made = fold
    ? keyed([...fold.by.map((column) => source.text(column)), customer, ...visitor, nameOf(mapping, source)])
    : keyed(source.columns.map(({ name }) => source.text(name)));
  return messageId ? `coalesce(${idOf(messageId, source)}, ${made})` : made;
}
