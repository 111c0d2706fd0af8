/**
 * Files of a segment's members. Rows are written as CSV first, every value as text, and become the file that was asked
 * for by DuckDB, which also takes rows out of a file again, by their customer_id.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type DuckDBConnection, DuckDBInstance } from '#libs/duckdb';

import { CUSTOMER_ID, type FileColumn } from './export.columns.js';

export type FileFormat = 'CSV' | 'PARQUET';

/** Memory that writing a file of any size may take. */
const MEMORY_LIMIT = '256MB';
/** An id is at most 1,000 characters or so, an attribute as many; a line holds some dozens of them. */
const MOST_LINE_BYTES = 1024 * 1024;
/** What a spreadsheet takes for a formula; of signs, those that begin no number. */
const FORMULA = /^(?:[=@\t\r\n]|[+-](?!\d[\d.]*$))/;

/** Null is a missing value; an empty text is one, too. */
export function lineOf(values: readonly (string | null)[]): string {
  return `${values.map(quoted).join(',')}\n`;
}

/** A text that a spreadsheet shows and does not run: an apostrophe before it says so. */
export function harmless(value: string | null): string | null {
  return value !== null && FORMULA.test(value) ? `'${value}` : value;
}

/** A folder of its own for the work, and DuckDB in it; both are gone afterwards, and the signal stops what is being done. */
export async function withScratch<T>(signal: AbortSignal, work: (scratch: MemberScratch) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-export-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: MEMORY_LIMIT, temp_directory: join(folder, 'spill') });
  const connection = await instance.connect();
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await connection.run("SET TimeZone = 'UTC'");
    return await work(new MemberScratch(folder, connection));
  } finally {
    signal.removeEventListener('abort', interrupt);
    connection.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true, force: true });
  }
}

export class MemberScratch {
  constructor(
    private readonly folder: string,
    private readonly connection: DuckDBConnection,
  ) {}

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The lines as the file that was asked for, in the same order. */
  async convert(csv: string, format: FileFormat, columns: readonly FileColumn[]): Promise<string> {
    if (format === 'CSV') return csv;
    const target = this.path('members.parquet');
    const typed = columns.map(({ name, type }) => `${identifier(name)}::${type} AS ${identifier(name)}`).join(', ');
    await this.connection.run(`COPY (SELECT ${typed} FROM ${textsOf(csv, columns)}) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768)`);
    return target;
  }

  /** The same file without some customers, and how many rows that took out; undefined where none of them is in it. */
  async without(file: string, format: FileFormat, columns: readonly FileColumn[], customerIds: readonly string[]): Promise<{ file: string; removed: number } | undefined> {
    const rows = format === 'CSV' ? textsOf(file, columns) : `read_parquet(${literal(file)})`;
    const isOne = `list_contains([${customerIds.map(literal).join(', ')}]::VARCHAR[], ${CUSTOMER_ID.name})`;
    const counted = await this.connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${rows} WHERE ${isOne}`);
    const removed = Number(counted.getRows()[0]?.[0] ?? 0);
    if (removed === 0) return undefined;
    const target = this.path(`without.${format.toLowerCase()}`);
    const options = format === 'CSV' ? 'FORMAT csv, HEADER, FORCE_QUOTE *' : 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768';
    await this.connection.run(`COPY (SELECT * FROM ${rows} WHERE NOT ${isOne}) TO ${literal(target)} (${options})`);
    return { file: target, removed };
  }
}

const textsOf = (csv: string, columns: readonly FileColumn[]) => `read_csv(${literal(csv)}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, parallel = false, max_line_size = ${MOST_LINE_BYTES}, columns = {${columns.map(({ name }) => `${literal(name)}: 'VARCHAR'`).join(', ')}})`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;
const quoted = (value: string | null) => (value === null || value === '' ? '' : `"${value.replaceAll('"', '""')}"`);
