// A mapping as a form changes it; whatever else it says stays as it is. What it may hold: docs/api/mapping.md.

/** What a column of the file can be, beside a property. */
export type Target = 'customer' | 'anonymous' | 'time' | 'event' | 'messageId';
export type Mapping = Readonly<Record<string, unknown>>;

export const TARGETS: readonly Target[] = ['customer', 'anonymous', 'time', 'event', 'messageId'];

/** Why the guessed mapping leaves a row out that is nobody's. */
const NOBODY = 'no customer';
const UNNAMED = 'Event Recorded';

/** To begin with where none could be guessed: every column is a property. */
export function blankMapping(columns: readonly string[]): Mapping {
  return { event: { name: UNNAMED }, properties: Object.fromEntries(columns.map((column) => [column, { column }])) };
}

/** Undefined: it is no JSON object yet. */
export function readMapping(json: string): Mapping | undefined {
  try {
    const read: unknown = JSON.parse(json);
    return isObject(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

export const written = (mapping: unknown): string => JSON.stringify(mapping, null, 2);

/** In Segment's form every line is a call, and no column is anything else than what it says. */
export const isOfCalls = (mapping: Mapping): boolean => mapping['form'] === 'segment';

/** The column of a target; null: it has none; undefined: it is more than one column as it is. */
export function columnOf(mapping: Mapping, target: Target): string | null | undefined {
  const said = objectIn(mapping, target);
  if (mapping[target] === undefined || 'name' in said) return null;
  return typeof said['column'] === 'string' ? said['column'] : undefined;
}

/** The name of all events, where it is in no column. */
export const nameOf = (mapping: Mapping): string => String(objectIn(mapping, 'event')['name'] ?? '');
export const withName = (mapping: Mapping, name: string): Mapping => ({ ...mapping, event: { name } });

export const propertiesOf = (mapping: Mapping): string[] => Object.keys(objectIn(mapping, 'properties'));

/** The target is in another column, or in none; what is no target any more becomes a property, and what is one now is a property no longer. */
export function withColumn(mapping: Mapping, target: Target, column: string | null): Mapping {
  const former = columnOf(mapping, target);
  const { [target]: _, ...rest } = mapping;
  const changed: Mapping = column === null ? (target === 'event' ? withName(rest, UNNAMED) : rest) : { ...rest, [target]: { ...keptOf(mapping, target), column } };
  const properties = { ...objectIn(mapping, 'properties') };
  if (column !== null && objectIn(properties, column)['column'] === column) delete properties[column];
  const isFree = typeof former === 'string' && !(former in properties) && TARGETS.every((other) => columnOf(changed, other) !== former);
  return skippingNobody({ ...changed, properties: isFree ? { ...properties, [former]: { column: former } } : properties });
}

/** Times of another column are of the same zone; of an id nothing holds of another column. */
function keptOf(mapping: Mapping, target: Target): object {
  const { timezone } = objectIn(mapping, target);
  return target === 'time' && timezone !== undefined ? { timezone } : {};
}

/** Where rows of nobody are left out, these are the ones that have none of the ids. */
function skippingNobody(mapping: Mapping): Mapping {
  const { skip } = mapping;
  const ids = [columnOf(mapping, 'customer'), columnOf(mapping, 'anonymous')].filter((column) => typeof column === 'string');
  if (!Array.isArray(skip)) return mapping;
  return { ...mapping, skip: skip.flatMap((rule: unknown) => (isObject(rule) && rule['reason'] === NOBODY ? (ids.length > 0 ? { ...rule, when: ids.map((column) => ({ column, empty: true })) } : []) : [rule])) };
}

function objectIn(object: Mapping, name: string): Mapping {
  const value = object[name];
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
