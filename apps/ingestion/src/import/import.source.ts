import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { identifier, literal, type Scratch } from '../scratch/scratch.js';
import { type FileMapping, MappingError, type PropertyKind } from './import.mapping.js';

export type SourceFormat = 'csv' | 'parquet' | 'ndjson';

export interface SourceColumn {
  readonly name: string;
  /** What its values look like; the file's own type where it has types. */
  readonly kind: PropertyKind;
}

/** Of a source's relation: the number of the row, from 1. No file has a column of this name. */
export const LINE = '"kindred:line"';

/** A file as DuckDB reads it: a relation with LINE and the file's columns. */
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
/** DuckDB's word for a file in which nothing is quoted. */
const UNQUOTED = '(empty)';

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
  const text = await beginningOf(path);
  if (text.size === 0) throw new FileUnreadableError('The file is empty.');
  if (text.isUtf16) throw new FileUnreadableError('The file is written in UTF-16. Save it as UTF-8.');
  try {
    if (format === 'parquet') return await openParquet(scratch, path, bound);
    if (format === 'ndjson') return await openLines(scratch, text, bound);
    return file?.delimiter === 'whitespace' ? await openColumnsOfText(scratch, text, file, bound) : await openCsv(scratch, text, file, bound);
  } catch (error) {
    if (error instanceof MappingError || error instanceof FileUnreadableError) throw error;
    throw unreadable(error as Error, { path, fileName }, format);
  }
}

/** Tells by its name, never by where it lies, why a file cannot be read. */
export function unreadable(error: Error, { path, fileName }: { path: string; fileName: string }, format: SourceFormat): FileUnreadableError {
  return new FileUnreadableError(`The file cannot be read as ${format}: ${reasonOf(error).replaceAll(path, fileName)}`, { cause: error });
}

/** DuckDB's words without the line that they are about, which may be long; of a line that is too long it tells so behind it. */
function reasonOf({ message }: Error): string {
  if (message.startsWith('Out of Memory')) return 'its columns need more memory than an import may take. Leave some out, or raise IMPORT_MEMORY of ingestion';
  const tooLong = /Maximum line size of [^\n]*/.exec(message)?.[0];
  return [message.split('\n', 1)[0] ?? '', ...(tooLong === undefined ? [] : [tooLong])].join(': ');
}

/** A text file, by its size and first bytes. */
interface TextFile {
  readonly path: string;
  readonly size: number;
  readonly isPacked: boolean;
  readonly isUtf16: boolean;
  readonly firstBytes: Buffer;
}

async function beginningOf(path: string): Promise<TextFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0);
    const firstBytes = buffer.subarray(0, bytesRead);
    const mark = firstBytes.toString('hex', 0, 2);
    return { path, size, firstBytes, isPacked: mark === GZIP, isUtf16: mark === 'fffe' || mark === 'feff' };
  } finally {
    await file.close();
  }
}

/** The first bytes of what gzip packed. */
const GZIP = '1f8b';

/**
 * Unpacks a packed file to its end and keeps nothing of it. Throws FileUnreadableError where the end is missing: DuckDB takes as
 * much as is there for the whole.
 */
export async function checkPacked(path: string, signal: AbortSignal): Promise<void> {
  if (!(await beginningOf(path)).isPacked) return;
  const ignored = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream(path), createGunzip(), ignored, { signal });
  } catch (error) {
    if (!/^(Z_|ERR_BUFFER)/.test((error as { code?: string }).code ?? '')) throw error;
    throw new FileUnreadableError(`The packed file is cut off or damaged (${(error as Error).message}). Pack and upload it again.`, { cause: error });
  }
}

interface TypedColumn {
  readonly name: string;
  /** DuckDB's. */
  readonly type: string;
}

async function describe(scratch: Scratch, relation: string): Promise<TypedColumn[]> {
  const rows = await scratch.rows<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${relation}`);
  return rows.map(({ column_name, column_type }) => ({ name: column_name, type: column_type })).filter(({ name }) => identifier(name) !== LINE);
}

function kindOf(type: string): PropertyKind {
  // A list is named by what it holds: DOUBLE[], or DOUBLE[3].
  if (type.endsWith(']')) return 'json';
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)/.test(type)) return 'numeric';
  if (type === 'BOOLEAN') return 'boolean';
  if (/^(TIMESTAMP|DATE)/.test(type)) return 'time';
  return /^(STRUCT|MAP|JSON|ARRAY|OBJECT)/.test(type) ? 'json' : 'categorical';
}

async function openParquet(scratch: Scratch, path: string, bound: string): Promise<Source> {
  const relation = `(SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS ${LINE} FROM read_parquet(${literal(path)}, file_row_number = true)${bound})`;
  const [counted] = await scratch.rows<{ rows: string; bytes: string }>(
    `SELECT (SELECT count(*) FROM read_parquet(${literal(path)})) AS rows, (SELECT sum(total_uncompressed_size) FROM parquet_metadata(${literal(path)}))::BIGINT AS bytes`,
  );
  return { ...asTyped(relation, await describe(scratch, relation)), estimatedRows: Number(counted?.rows), estimatedBytes: Number(counted?.bytes) };
}

async function openCsv(scratch: Scratch, file: TextFile, given: FileMapping | undefined, bound: string): Promise<Source> {
  const dialect = [
    `max_line_size = ${MOST_LINE_BYTES}`,
    ...compression(file),
    ...(given?.delimiter ? [`delim = ${literal(given.delimiter)}`] : []),
    ...(given?.header === undefined ? [] : [`header = ${given.header}`]),
  ];
  const sniffed = await sniff(scratch, file, dialect, given?.quote);
  const names = given?.columns ? [`names = [${given.columns.map(literal).join(', ')}]`] : [];
  const options = ['store_rejects = true', 'rejects_limit = 0', ...dialect, ...sniffed.quoting, ...names];
  const read = `read_csv(${literal(file.path)}, all_varchar = true, ${options.join(', ')})`;
  const relation = `(SELECT row_number() OVER () AS ${LINE}, * FROM ${read}${bound})`;
  // What the columns look like is guessed by the reader; how they are read is as text, so that one odd value is one odd value.
  const columns = await describe(scratch, `read_csv(${literal(file.path)}, ${options.join(', ')})`);
  return { ...asText('csv', relation, columns, (given?.header ?? sniffed.hasHeader) ? 1 : 0), ...estimateSize(file) };
}

/** By the first rows. Where they hold no double quote it quotes all the same: a value behind them may be the first that needs it. */
async function sniff(scratch: Scratch, file: TextFile, dialect: readonly string[], given: string | undefined): Promise<{ quoting: readonly string[]; hasHeader: boolean }> {
  const quoting = given === undefined ? [] : [`quote = ${literal(given)}`];
  const options = ['ignore_errors = true', ...dialect, ...quoting];
  const [found] = await scratch.rows<{ Quote: string; HasHeader: boolean }>(`SELECT Quote, HasHeader FROM sniff_csv(${literal(file.path)}, ${options.join(', ')})`);
  const hasHeader = found?.HasHeader ?? false;
  if (given !== undefined || found?.Quote !== UNQUOTED) return { quoting, hasHeader };
  const marked = await scratch.rows(`SELECT 1 FROM (SELECT text FROM ${linesOf(file)} LIMIT ${SAMPLE_ROWS}) WHERE contains(text, '"') LIMIT 1`);
  return { quoting: marked.length > 0 ? [] : [`quote = '"'`], hasHeader };
}

/** Columns that any number of blanks separates; quoting is unknown to such files. */
async function openColumnsOfText(scratch: Scratch, text: TextFile, file: FileMapping, bound: string): Promise<Source> {
  const lines = linesOf(text);
  const [first] = await scratch.rows<{ names: string[] }>(`SELECT regexp_split_to_array(trim(text), '\\s+') AS names FROM ${lines} LIMIT 1`);
  const hasHeader = file.header ?? !file.columns;
  const names = file.columns ?? first?.names ?? [];
  const cells = names.map((name, at) => `nullif(cells[${at + 1}], '') AS ${identifier(name)}`);
  const relation = `(
    SELECT line AS ${LINE}, ${cells.join(', ')}, CASE WHEN len(cells) <> ${names.length} THEN 'the line has ' || len(cells) || ' columns; ${names.length} are named' END AS "broken row", text AS "row text"
    FROM (SELECT line, text, regexp_split_to_array(trim(text), '\\s+') AS cells FROM ${lines} WHERE line > ${hasHeader ? 1 : 0} AND trim(text) <> '')${bound})`;
  const looks = names.map((name) => `coalesce(bool_and(TRY_CAST(${identifier(name)} AS DOUBLE) IS NOT NULL) FILTER (${identifier(name)} IS NOT NULL), false) AS ${identifier(name)}`);
  const [isNumeric] = await scratch.rows<Record<string, boolean>>(`SELECT ${looks.join(', ')} FROM (SELECT * FROM ${relation} WHERE "broken row" IS NULL LIMIT ${SAMPLE_ROWS})`);
  const columns = names.map((name) => ({ name, type: isNumeric?.[name] ? 'DOUBLE' : 'VARCHAR' }));
  return { ...asText('csv', relation, columns, 0), ...estimateSize(text), fault: '"broken row"', row: '"row text"' };
}

async function openLines(scratch: Scratch, file: TextFile, bound: string): Promise<Source> {
  const lines = (limit: string) => `(
    SELECT line AS ${LINE}, text, CASE WHEN json_valid(text) THEN CASE WHEN json_type(text) = 'OBJECT' THEN text END END AS object
    FROM ${linesOf(file)} WHERE trim(text) <> ''${limit})`;
  const relation = lines(bound);
  const keys = await scratch.rows<{ name: string; type: string }>(`
    SELECT key AS name, coalesce(any_value(type), 'NULL') AS type FROM (
      SELECT unnest(json_keys(object)) AS key, unnest(json_keys(object).list_transform(lambda k: json_type(json_extract(object, '$."' || replace(k, '"', '\\"') || '"')))) AS type
      FROM (SELECT object FROM ${lines(` LIMIT ${SAMPLE_ROWS}`)} WHERE object IS NOT NULL)
    ) GROUP BY key ORDER BY min(key)`);
  if (keys.length === 0) throw new FileUnreadableError('None of its first lines is a JSON object. Write one object on each line, without a list around them.');
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
    ...estimateSize(file),
  };
}

/** From the first lines' length; a packed file is taken to be a fifth of its text. */
function estimateSize({ size, firstBytes, isPacked }: TextFile): Size {
  if (isPacked) return { estimatedRows: (size * 5) / 100, estimatedBytes: size * 5 };
  const lines = firstBytes.toString('latin1').split('\n').length;
  return { estimatedRows: (size / Math.max(firstBytes.length, 1)) * lines, estimatedBytes: size };
}

/** Every line of a text file with its number. */
function linesOf(file: TextFile): string {
  const options = [
    'header = false', 'auto_detect = false', `delim = ${literal(NO_DELIMITER)}`, "quote = ''", "escape = ''", `max_line_size = ${MOST_LINE_BYTES}`,
    'null_padding = true', 'store_rejects = true', 'rejects_limit = 0', "columns = {'text': 'VARCHAR'}", ...compression(file),
  ];
  return `(SELECT row_number() OVER () AS line, coalesce(text, '') AS text FROM read_csv(${literal(file.path)}, ${options.join(', ')}))`;
}

/** By what the file is, not by what it is called. */
const compression = ({ isPacked }: TextFile) => [`compression = '${isPacked ? 'gzip' : 'none'}'`];

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
      return kindOf(type) === 'time' ? { sql: `${identifier(column)}::${isZoned ? 'TIMESTAMPTZ' : 'TIMESTAMP'}`, hasZone: isZoned } : undefined;
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
  if (!/^(DOUBLE|FLOAT|DECIMAL)[^\]]*$/.test(type)) return `nullif(trim(${name}::VARCHAR), '')`;
  return `CASE WHEN ${name} = trunc(${name}) AND abs(${name}) < 1e15 THEN ${name}::BIGINT::VARCHAR ELSE ${name}::VARCHAR END`;
}
