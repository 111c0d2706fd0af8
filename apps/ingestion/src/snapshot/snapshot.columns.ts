import { identifier, literal } from '../scratch/scratch.js';
import type { ItemsColumn, Kind, Profile } from './snapshot.profile.js';

const SQL_TYPE: Readonly<Record<Kind, string>> = { numeric: 'DOUBLE', boolean: 'BOOLEAN', categorical: 'VARCHAR', time: 'TIMESTAMPTZ' };

/**
 * The SELECT that makes a shard's columns (docs/snapshot.md) out of table `raw`; in `j` every property that has
 * a column lies as JSON, parsed once.
 */
export function shardQuery(profile: Profile, shard: number): string {
  const properties = [...profile.columns, ...profile.items].map(({ property }) => property);
  const structure = literal(JSON.stringify(Object.fromEntries(properties.map((property) => [property, 'JSON']))));
  const parsed = properties.length === 0 ? 'NULL' : `json_transform(properties, ${structure})`;
  const columns = [
    'customer::VARCHAR AS customer',
    'subject::VARCHAR AS subject',
    'occurred_at',
    'received_at',
    'sequence',
    'name',
    ...profile.columns.map(({ property, kind }) => `${valueOf(property, kind)} AS ${identifier(`p:${property}`)}`),
    ...profile.items.map((items) => `${itemsOf(items)} AS ${identifier(`i:${items.property}`)}`),
    `${restOf(profile)} AS rest`,
  ];
  return `SELECT ${columns.join(', ')}
    FROM (SELECT *, ${parsed} AS j FROM raw WHERE shard = ${shard})
    ORDER BY customer, occurred_at, sequence`;
}

const jsonOf = (property: string) => `struct_extract(j, ${literal(property)})`;

function valueOf(property: string, kind: Kind): string {
  const value = jsonOf(property);
  if (kind === 'numeric' || kind === 'boolean') return `TRY_CAST(${value} AS ${SQL_TYPE[kind]})`;
  if (kind === 'time') return `TRY_CAST(${value}->>'$' AS TIMESTAMPTZ)`;
  return `CASE WHEN json_type(${value}) NOT IN ('ARRAY', 'OBJECT') THEN ${value}->>'$' END`;
}

function itemsOf({ property, fields }: ItemsColumn): string {
  const structure = JSON.stringify([Object.fromEntries(fields.map(({ name, kind }) => [name, SQL_TYPE[kind]]))]);
  const value = jsonOf(property);
  return `CASE WHEN json_type(${value}) = 'ARRAY' THEN json_transform(${value}, ${literal(structure)}) END`;
}

/** Properties without a column, and values that their column could not hold; null where there are none. */
function restOf({ columns, items, hasRest }: Profile): string {
  const all = [...columns.map((c) => ({ ...c, fits: valueOf(c.property, c.kind) })), ...items.map((i) => ({ ...i, fits: itemsOf(i) }))];
  const sometimes = all.filter(({ hasMisfits }) => hasMisfits);
  if (!hasRest && sometimes.length === 0) return 'NULL::VARCHAR';
  const without = (names: readonly string[]) => literal(JSON.stringify(Object.fromEntries(names.map((name) => [name, null]))));
  const always = all.filter(({ hasMisfits }) => !hasMisfits).map(({ property }) => property);
  const base = always.length === 0 ? 'properties' : `json_merge_patch(properties, ${without(always)})`;
  const rest = sometimes.reduce(
    (inner, { property, fits }) => `json_merge_patch(${inner}, CASE WHEN ${fits} IS NULL THEN '{}' ELSE ${without([property])} END)`,
    base,
  );
  return `nullif(${rest}::VARCHAR, '{}')`;
}
