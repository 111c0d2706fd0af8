import { open, stat } from 'node:fs/promises';

import { identifier, literal, type Scratch } from '../scratch/scratch.js';
import { type FileMapping, MappingError, type PropertyKind } from './import.mapping.js';

export type SourceFormat = 'csv' | 'parquet' | 'ndjson';

export interface SourceColumn {
  readonly name: string;
  /** What its values look like; the file's own type where it has types. */
  readonly kind: PropertyKind;
}

/** A file as DuckDB reads it: a relation with `line` (its line, from 1) and the file's columns. */
export interface Source {
  readonly format: SourceFormat;
  readonly columns: readonly SourceColumn[];
  /** FROM-able. Text files that were read leave their broken lines in `reject_errors`. */
  readonly relation: string;
  /** The column as text, null where empty; numbers without a needless fraction. */
  text(column: string): string;
  /** The column as JSON. */
  json(column: string): string;
  /** The column as a number, null where it is none. */
  number(column: string): string;
  /** The column as a point in time where the file itself has such a type. */
  time(column: string): { sql: string; hasZone: boolean } | undefined;
  /** The whole row as JSON, for the quarantine. */
  readonly row: string;
  /** Null, or why the row as a whole cannot be read. */
  readonly fault: string;
  /** Lines before the first row. */
  readonly headerLines: number;
  /** About how many rows there are; the same for the same file. */
  readonly estimatedRows: number;
  /** About how many bytes they are, unpacked; the same for the same file. */
  readonly estimatedBytes: number;
}

type Size = Pick<Source, 'estimatedRows' | 'estimatedBytes'>;

/** The file itself cannot be read as what it is said to be. */
export class FileUnreadableError extends Error {}

const MOST_LINE_BYTES = 4 * 1024 * 1024;
/** A byte that no text file separates columns by. */
const NO_DELIMITER = '\x1f';
/** Rows that kinds, and the columns of NDJSON, are taken from. */
const SAMPLE_ROWS = 20_000;

export function formatOf(fileName: string, file: FileMapping | undefined): SourceFormat {
  if (file?.format) return file.format;
  const name = fileName.toLowerCase().replace(/\.gz$/, '');
  if (name.endsWith('.parquet')) return 'parquet';
  if (/\.(ndjson|jsonl|json)$/.test(name)) return 'ndjson';
  if (/\.(csv|tsv|txt)$/.test(name)) return 'csv';
  throw new MappingError(`"${fileName}" has no known ending (.csv, .tsv, .txt, .parquet, .ndjson, .jsonl); say "file": {"format": …} in the mapping.`);
}

/** Looks at a file's columns. `limit` rows at most are read later; 0: all. */
export async function openSource(scratch: Scratch, path: string, fileName: string, file: FileMapping | undefined, limit = 0): Promise<Source> {
  const format = formatOf(fileName, file);
  const bound = limit > 0 ? ` LIMIT ${limit}` : '';
  if ((await stat(path)).size === 0) throw new FileUnreadableError('The file is empty.');
  try {
    if (format === 'parquet') return await openParquet(scratch, path, bound);
    if (format === 'ndjson') return await openLines(scratch, path, fileName, bound);
    return file?.delimiter === 'whitespace' ? await openColumnsOfText(scratch, path, fileName, file, bound) : await openCsv(scratch, path, fileName, file, bound);
  } catch (error) {
    if (error instanceof MappingError) throw error;
    throw new FileUnreadableError(`The file cannot be read as ${format}: ${((error as Error).message.split('\n', 1)[0] ?? '').replaceAll(path, fileName)}`, { cause: error });
  }
}

interface TypedColumn {
  readonly name: string;
  /** DuckDB's. */
  readonly type: string;
}

async function describe(scratch: Scratch, relation: string): Promise<TypedColumn[]> {
  const rows = await scratch.rows<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${relation}`);
  return rows.map(({ column_name, column_type }) => ({ name: column_name, type: column_type })).filter(({ name }) => name !== 'line');
}

function kindOf(type: string): PropertyKind {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)/.test(type)) return 'numeric';
  if (type === 'BOOLEAN') return 'boolean';
  if (/^(TIMESTAMP|DATE)/.test(type)) return 'time';
  return /^(STRUCT|MAP|JSON|ARRAY|OBJECT)|\[\]$/.test(type) ? 'json' : 'categorical';
}

async function openParquet(scratch: Scratch, path: string, bound: string): Promise<Source> {
  const relation = `(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS line FROM read_parquet(${literal(path)}, file_row_number = true)${bound})`;
  const [counted] = await scratch.rows<{ rows: string; bytes: string }>(
    `SELECT (SELECT count(*) FROM read_parquet(${literal(path)})) AS rows, (SELECT sum(total_uncompressed_size) FROM parquet_metadata(${literal(path)}))::BIGINT AS bytes`,
  );
  return { ...asTyped(relation, await describe(scratch, relation)), estimatedRows: Number(counted?.rows), estimatedBytes: Number(counted?.bytes) };
}

async function openCsv(scratch: Scratch, path: string, fileName: string, file: FileMapping | undefined, bound: string): Promise<Source> {
  const options = [
    'store_rejects = true', 'rejects_limit = 0', `max_line_size = ${MOST_LINE_BYTES}`,
    ...compression(fileName),
    ...(file?.delimiter ? [`delim = ${literal(file.delimiter)}`] : []),
    ...(file?.header === undefined ? [] : [`header = ${file.header}`]),
    ...(file?.columns ? [`names = [${file.columns.map(literal).join(', ')}]`] : []),
  ];
  const read = `read_csv(${literal(path)}, all_varchar = true, ${options.join(', ')})`;
  const relation = `(SELECT row_number() OVER () AS line, * FROM ${read}${bound})`;
  const sniffing = ['ignore_errors = true', ...options.filter((option) => !/reject|names|size/.test(option))];
  const [sniffed] = await scratch.rows<{ HasHeader: boolean }>(`SELECT HasHeader FROM sniff_csv(${literal(path)}, ${sniffing.join(', ')})`);
  // What the columns look like is guessed by the reader; how they are read is as text, so that one odd value is one odd value.
  const columns = await describe(scratch, `read_csv(${literal(path)}, ${options.join(', ')})`);
  return { ...asText('csv', relation, columns, (file?.header ?? sniffed?.HasHeader) ? 1 : 0), ...(await estimateSize(path, fileName)) };
}

/** Columns that any number of blanks separates; quoting is unknown to such files. */
async function openColumnsOfText(scratch: Scratch, path: string, fileName: string, file: FileMapping, bound: string): Promise<Source> {
  const lines = linesOf(path, fileName);
  const [first] = await scratch.rows<{ names: string[] }>(`SELECT regexp_split_to_array(trim(text), '\\s+') AS names FROM ${lines} LIMIT 1`);
  const hasHeader = file.header ?? !file.columns;
  const names = file.columns ?? first?.names ?? [];
  const cells = names.map((name, at) => `nullif(cells[${at + 1}], '') AS ${identifier(name)}`);
  const relation = `(
    SELECT line, ${cells.join(', ')}, CASE WHEN len(cells) <> ${names.length} THEN 'the line has ' || len(cells) || ' columns; ${names.length} are named' END AS "broken row", text AS "row text"
    FROM (SELECT line, text, regexp_split_to_array(trim(text), '\\s+') AS cells FROM ${lines} WHERE line > ${hasHeader ? 1 : 0} AND trim(text) <> '')${bound})`;
  const looks = names.map((name) => `coalesce(bool_and(TRY_CAST(${identifier(name)} AS DOUBLE) IS NOT NULL) FILTER (${identifier(name)} IS NOT NULL), false) AS ${identifier(name)}`);
  const [isNumeric] = await scratch.rows<Record<string, boolean>>(`SELECT ${looks.join(', ')} FROM (SELECT * FROM ${relation} WHERE "broken row" IS NULL LIMIT ${SAMPLE_ROWS})`);
  const columns = names.map((name) => ({ name, type: isNumeric?.[name] ? 'DOUBLE' : 'VARCHAR' }));
  return { ...asText('csv', relation, columns, 0), ...(await estimateSize(path, fileName)), fault: '"broken row"', row: '"row text"' };
}

async function openLines(scratch: Scratch, path: string, fileName: string, bound: string): Promise<Source> {
  const lines = (limit: string) => `(
    SELECT line, text, CASE WHEN json_valid(text) THEN CASE WHEN json_type(text) = 'OBJECT' THEN text END END AS object
    FROM ${linesOf(path, fileName)} WHERE trim(text) <> ''${limit})`;
  const relation = lines(bound);
  const keys = await scratch.rows<{ name: string; type: string }>(`
    SELECT key AS name, coalesce(any_value(type), 'NULL') AS type FROM (
      SELECT unnest(json_keys(object)) AS key, unnest(json_keys(object).list_transform(lambda k: json_type(json_extract(object, '$."' || replace(k, '"', '\\"') || '"')))) AS type
      FROM (SELECT object FROM ${lines(` LIMIT ${SAMPLE_ROWS}`)} WHERE object IS NOT NULL)
    ) GROUP BY key ORDER BY min(key)`);
  const at = (column: string) => literal(`$.${JSON.stringify(column)}`);
  return {
    format: 'ndjson',
    columns: keys.map(({ name, type }) => ({ name, kind: JSON_KIND[type] ?? 'json' })),
    relation,
    text: (column) => `nullif(trim(json_extract_string(object, ${at(column)})), '')`,
    json: (column) => `json_extract(object, ${at(column)})`,
    number: (column) => `TRY_CAST(json_extract_string(object, ${at(column)}) AS DOUBLE)`,
    time: () => undefined,
    row: 'text',
    fault: `CASE WHEN object IS NULL THEN 'the line is no JSON object' END`,
    headerLines: 0,
    ...(await estimateSize(path, fileName)),
  };
}

/** From the first lines' length; a packed file is taken to be a fifth of its text. */
async function estimateSize(path: string, fileName: string): Promise<Size> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0);
    if (compression(fileName).length > 0) return { estimatedRows: (size * 5) / 100, estimatedBytes: size * 5 };
    const lines = buffer.subarray(0, bytesRead).toString('latin1').split('\n').length;
    return { estimatedRows: (size / Math.max(bytesRead, 1)) * lines, estimatedBytes: size };
  } finally {
    await file.close();
  }
}

/** Every line of a text file with its number. */
function linesOf(path: string, fileName: string): string {
  const options = [
    'header = false', 'auto_detect = false', `delim = ${literal(NO_DELIMITER)}`, "quote = ''", "escape = ''", `max_line_size = ${MOST_LINE_BYTES}`,
    'null_padding = true', 'store_rejects = true', 'rejects_limit = 0', "columns = {'text': 'VARCHAR'}", ...compression(fileName),
  ];
  return `(SELECT row_number() OVER () AS line, coalesce(text, '') AS text FROM read_csv(${literal(path)}, ${options.join(', ')}))`;
}

const compression = (fileName: string) => (fileName.toLowerCase().endsWith('.gz') ? ["compression = 'gzip'"] : []);

const JSON_KIND: Readonly<Record<string, PropertyKind>> = {
  DOUBLE: 'numeric', BIGINT: 'numeric', UBIGINT: 'numeric', HUGEINT: 'numeric', BOOLEAN: 'boolean', VARCHAR: 'categorical', NULL: 'categorical',
};

/** Columns that are read as text, whatever they look like. */
function asText(format: SourceFormat, relation: string, columns: readonly TypedColumn[], headerLines: number): Omit<Source, keyof Size> {
  const text = (column: string) => `nullif(trim(${identifier(column)}), '')`;
  return {
    format,
    columns: columns.map(({ name, type }) => ({ name, kind: kindOf(type) })),
    relation,
    text,
    json: (column) => `CASE WHEN json_valid(${text(column)}) THEN ${text(column)}::JSON ELSE to_json(${text(column)}) END`,
    number: (column) => `TRY_CAST(${text(column)} AS DOUBLE)`,
    time: () => undefined,
    row: rowOf(columns),
    fault: 'NULL::VARCHAR',
    headerLines,
  };
}

/** Columns that have types of their own. */
function asTyped(relation: string, columns: readonly TypedColumn[]): Omit<Source, keyof Size> {
  const typeOf = new Map(columns.map(({ name, type }) => [name, type]));
  const isNumeric = (column: string) => kindOf(typeOf.get(column) ?? '') === 'numeric';
  return {
    format: 'parquet',
    columns: columns.map(({ name, type }) => ({ name, kind: kindOf(type) })),
    relation,
    text: (column) => textOf(identifier(column), typeOf.get(column) ?? 'VARCHAR'),
    json: (column) => `to_json(${identifier(column)})`,
    number: (column) => (isNumeric(column) ? `${identifier(column)}::DOUBLE` : `TRY_CAST(${identifier(column)}::VARCHAR AS DOUBLE)`),
    time: (column) => {
      const type = typeOf.get(column) ?? '';
      const isZoned = type === 'TIMESTAMP WITH TIME ZONE';
      return /^(TIMESTAMP|DATE)/.test(type) ? { sql: `${identifier(column)}::${isZoned ? 'TIMESTAMPTZ' : 'TIMESTAMP'}`, hasZone: isZoned } : undefined;
    },
    row: rowOf(columns),
    fault: 'NULL::VARCHAR',
    headerLines: 0,
  };
}

const rowOf = (columns: readonly TypedColumn[]) =>
  `json_object(${columns.map(({ name }) => `${literal(name)}, ${identifier(name)}::VARCHAR`).join(', ')})::VARCHAR`;

/** 13085.0 as "13085": an id in a column of doubles is a whole number. */
function textOf(name: string, type: string): string {
  if (!/^(DOUBLE|FLOAT|DECIMAL)/.test(type)) return `nullif(trim(${name}::VARCHAR), '')`;
  return `CASE WHEN ${name} = trunc(${name}) AND abs(${name}) < 1e15 THEN ${name}::BIGINT::VARCHAR ELSE ${name}::VARCHAR END`;
}
