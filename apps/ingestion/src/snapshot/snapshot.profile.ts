import { literal, type Scratch } from '../scratch/scratch.js';

export type Kind = 'categorical' | 'numeric' | 'boolean' | 'time';

export interface PropertyColumn {
  readonly property: string;
  readonly kind: Kind;
  /** Share of the events that have it. */
  readonly present: number;
  /** Values that the column cannot hold lie in `rest` instead. */
  readonly hasMisfits: boolean;
}

export interface ItemsColumn {
  readonly property: string;
  readonly fields: readonly { readonly name: string; readonly kind: Kind }[];
  readonly hasMisfits: boolean;
}

export interface Profile {
  readonly columns: readonly PropertyColumn[];
  readonly items: readonly ItemsColumn[];
  /** There are properties without a column. */
  readonly hasRest: boolean;
}

const MOST_COLUMNS = 64;
const MOST_ITEM_FIELDS = 16;
/** Lists of items are looked into this often to learn their fields. */
const ITEM_SAMPLE_ROWS = 20_000;
/** A kind holds for a property if nearly all its values are of it. */
const NEARLY_ALL = 0.95;
const ISO_TIME = String.raw`^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$`;

interface TypeCounts {
  property: string;
  present: number;
  numbers: number;
  booleans: number;
  texts: number;
  times: number;
  lists: number;
}

/** Looks at table `raw`'s JSON column `properties` and decides what gets a typed column. */
export async function profileProperties(scratch: Scratch, events: number): Promise<Profile> {
  const keys = await scratch.rows<{ property: string; present: string }>(
    `SELECT key AS property, count(*) AS present FROM (SELECT unnest(json_keys(properties)) AS key FROM raw) GROUP BY key ORDER BY present DESC, key LIMIT ${MOST_COLUMNS * 4}`,
  );
  const candidates = distinctWhateverCase(keys.map(({ property }) => property)).slice(0, MOST_COLUMNS * 2);
  const counts = candidates.length === 0 ? [] : await countTypes(scratch, candidates);
  const columns: PropertyColumn[] = [];
  const items: ItemsColumn[] = [];
  for (const count of counts) {
    const kind = kindOf(count);
    if (kind === 'items') {
      const fields = await profileItems(scratch, count.property);
      if (fields.length > 0) items.push({ property: count.property, fields, hasMisfits: count.lists < count.present });
    } else if (kind !== undefined && columns.length < MOST_COLUMNS) {
      columns.push({ property: count.property, kind, present: round(count.present / events), hasMisfits: fitting(count, kind) < count.present });
    }
  }
  return { columns, items, hasRest: keys.length > columns.length + items.length };
}

/** DuckDB's and Parquet readers' names do not tell case apart: of equal ones the most used gets the column. */
function distinctWhateverCase(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    const folded = name.toLowerCase();
    return !seen.has(folded) && seen.add(folded);
  });
}

async function countTypes(scratch: Scratch, properties: readonly string[]): Promise<TypeCounts[]> {
  const structure = JSON.stringify(Object.fromEntries(properties.map((property) => [property, 'JSON'])));
  const one = (property: string, at: number) => {
    const value = `struct_extract(j, ${literal(property)})`;
    const type = `json_type(${value})`;
    return [
      `count(*) FILTER (${type} <> 'NULL') AS p${at}`,
      `count(*) FILTER (${type} IN ('DOUBLE', 'UBIGINT', 'BIGINT', 'HUGEINT')) AS n${at}`,
      `count(*) FILTER (${type} = 'BOOLEAN') AS b${at}`,
      `count(*) FILTER (${type} = 'VARCHAR') AS s${at}`,
      `count(*) FILTER (${type} = 'VARCHAR' AND regexp_full_match(${value}->>'$', ${literal(ISO_TIME)})) AS t${at}`,
      `count(*) FILTER (${type} = 'ARRAY' AND json_type(${value}, '$[0]') IS NOT DISTINCT FROM 'OBJECT') AS l${at}`,
    ];
  };
  const [row] = await scratch.rows<Record<string, string>>(
    `SELECT ${properties.flatMap(one).join(', ')} FROM (SELECT json_transform(properties, ${literal(structure)}) AS j FROM raw)`,
  );
  const of = (name: string) => Number(row?.[name] ?? 0);
  return properties.map((property, at) => ({
    property, present: of(`p${at}`), numbers: of(`n${at}`), booleans: of(`b${at}`), texts: of(`s${at}`), times: of(`t${at}`), lists: of(`l${at}`),
  }));
}

function kindOf(count: TypeCounts): Kind | 'items' | undefined {
  const { present, numbers, booleans, texts, times, lists } = count;
  if (present === 0) return undefined;
  if (lists > present / 2) return 'items';
  if (numbers >= NEARLY_ALL * present) return 'numeric';
  if (booleans >= NEARLY_ALL * present) return 'boolean';
  if (times >= NEARLY_ALL * present) return 'time';
  return numbers + booleans + texts > present / 2 ? 'categorical' : undefined;
}

/** How many values a column of that kind holds. */
function fitting({ numbers, booleans, texts, times }: TypeCounts, kind: Kind): number {
  if (kind === 'numeric') return numbers;
  if (kind === 'boolean') return booleans;
  return kind === 'time' ? times : numbers + booleans + texts;
}

async function profileItems(scratch: Scratch, property: string): Promise<ItemsColumn['fields']> {
  const structure = literal(JSON.stringify({ [property]: 'JSON' }));
  const rows = await scratch.rows<{ name: string; present: string; numbers: string; booleans: string; times: string; texts: string }>(`
    WITH sampled AS (
      SELECT struct_extract(json_transform(properties, ${structure}), ${literal(property)}) AS list
      FROM (SELECT properties FROM raw WHERE json_contains(json_keys(properties)::JSON, ${literal(JSON.stringify(property))}) LIMIT ${ITEM_SAMPLE_ROWS})
    ), item AS (
      SELECT unnest(list::JSON[]) AS item FROM sampled WHERE json_type(list) = 'ARRAY'
    ), field AS (
      SELECT unnest(json_keys(item)) AS name, unnest(map_values(item::MAP(VARCHAR, JSON))) AS value FROM item WHERE json_type(item) = 'OBJECT'
    )
    SELECT name, count(*) FILTER (json_type(value) <> 'NULL') AS present,
      count(*) FILTER (json_type(value) IN ('DOUBLE', 'UBIGINT', 'BIGINT', 'HUGEINT')) AS numbers,
      count(*) FILTER (json_type(value) = 'BOOLEAN') AS booleans,
      count(*) FILTER (json_type(value) = 'VARCHAR') AS texts,
      count(*) FILTER (json_type(value) = 'VARCHAR' AND regexp_full_match(value->>'$', ${literal(ISO_TIME)})) AS times
    FROM field GROUP BY name ORDER BY present DESC, name`);
  const names = new Set(distinctWhateverCase(rows.map(({ name }) => name)));
  const fields = rows.filter(({ name }) => names.has(name)).flatMap(({ name, present, numbers, booleans, times, texts }) => {
    const kind = kindOf({
      property: name, present: Number(present), numbers: Number(numbers), booleans: Number(booleans), times: Number(times), texts: Number(texts), lists: 0,
    });
    return kind === undefined || kind === 'items' ? [] : [{ name, kind }];
  });
  return fields.slice(0, MOST_ITEM_FIELDS);
}

const round = (share: number) => Math.round(share * 10_000) / 10_000;
