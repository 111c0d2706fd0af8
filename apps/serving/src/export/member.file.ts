/**
 * Files of a segment's members. Rows are written as CSV first, every value as text, and become the file that was asked
 * for by DuckDB, which also takes rows out of a file again. Columns: customer_id (as the GraphQL API writes it), user_id,
 * anonymous_id (of customers without a user id), strength (0..1), since, decided_at (UTC).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type DuckDBConnection, DuckDBInstance } from '#libs/duckdb';

export type FileFormat = 'CSV' | 'PARQUET';

export interface MemberLine {
  readonly customerId: string;
  readonly userId: string;
  readonly anonymousId: string;
  readonly strength: number;
  readonly since: string;
  readonly decidedAt: string;
}

export const COLUMNS = ['customer_id', 'user_id', 'anonymous_id', 'strength', 'since', 'decided_at'] as const;
/** Memory that writing a file of any size may take. */
const MEMORY_LIMIT = '256MB';
/** An id is at most 1,000 characters or so; a line holds a few of them. */
const MOST_LINE_BYTES = 1024 * 1024;

const TYPED = `customer_id, user_id, anonymous_id, strength::DOUBLE AS strength, since::TIMESTAMPTZ AS since, decided_at::TIMESTAMPTZ AS decided_at`;

export function headerLine(): string {
  return `${COLUMNS.join(',')}\n`;
}

/** An empty text is a missing one. */
export function lineOf({ customerId, userId, anonymousId, strength, since, decidedAt }: MemberLine): string {
  return `${[customerId, userId, anonymousId, String(strength), since, decidedAt].map(quoted).join(',')}\n`;
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
  async convert(csv: string, format: FileFormat): Promise<string> {
    if (format === 'CSV') return csv;
    const target = this.path('members.parquet');
    await this.connection.run(`COPY (SELECT ${TYPED} FROM ${textsOf(csv)}) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768)`);
    return target;
  }

  /** The same file without some customers, and how many rows that took out; undefined where none of them is in it. */
  async without(file: string, format: FileFormat, customerIds: readonly string[]): Promise<{ file: string; removed: number } | undefined> {
    const rows = format === 'CSV' ? textsOf(file) : `read_parquet(${literal(file)})`;
    const isOne = `list_contains([${customerIds.map(literal).join(', ')}]::VARCHAR[], customer_id)`;
    const counted = await this.connection.runAndReadAll(`SELECT count(*)::DOUBLE FROM ${rows} WHERE ${isOne}`);
    const removed = Number(counted.getRows()[0]?.[0] ?? 0);
    if (removed === 0) return undefined;
    const target = this.path(`without.${format.toLowerCase()}`);
    const options = format === 'CSV' ? 'FORMAT csv, HEADER, FORCE_QUOTE *' : 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768';
    await this.connection.run(`COPY (SELECT * FROM ${rows} WHERE NOT ${isOne}) TO ${literal(target)} (${options})`);
    return { file: target, removed };
  }
}

const textsOf = (csv: string) => `read_csv(${literal(csv)}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, parallel = false, max_line_size = ${MOST_LINE_BYTES}, columns = {${COLUMNS.map((name) => `'${name}': 'VARCHAR'`).join(', ')}})`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
const quoted = (value: string) => (value === '' ? '' : `"${value.replaceAll('"', '""')}"`);
