import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type DuckDBConnection, DuckDBInstance } from '#libs/duckdb';

/** As little as DuckDB can be held to while nothing runs; it gives back all that it need not keep. */
const LEAST_MEMORY = '16MB';

export interface ScratchOptions {
  /** Where its folder is made. */
  workDir: string;
  /** DuckDB's memory_limit; what does not fit is spilled into the folder. */
  memory: string;
  threads?: number;
}

/** A DuckDB database in a folder of its own that is gone when the work is: memory stays bounded whatever the size of the data. */
export class Scratch {
  private isInterrupted = false;

  private constructor(
    readonly folder: string,
    readonly connection: DuckDBConnection,
    private readonly instance: DuckDBInstance,
    private readonly memory: string,
  ) {}

  static async open({ workDir, memory, threads }: ScratchOptions): Promise<Scratch> {
    const folder = await mkdtemp(join(workDir, 'kindred-scratch-'));
    const instance = await DuckDBInstance.create(join(folder, 'scratch.duckdb'), {
      memory_limit: memory,
      temp_directory: join(folder, 'spill'),
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...(threads === undefined ? {} : { threads: String(threads) }),
    });
    const connection = await instance.connect();
    // Progress is counted, and never printed.
    await connection.run("SET TimeZone = 'UTC'; SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET progress_bar_time = 0");
    return new Scratch(folder, connection, instance, memory);
  }

  async run(sql: string): Promise<void> {
    this.throwIfInterrupted();
    await this.connection.run(sql);
  }

  /** All rows of a small answer, as JSON values (64-bit integers as texts). */
  async rows<Row>(sql: string): Promise<Row[]> {
    this.throwIfInterrupted();
    return (await this.connection.runAndReadAll(sql)).getRowObjectsJson() as Row[];
  }

  /** Rows that the running statement has to go through, by DuckDB's estimate, and those behind it; undefined where nothing runs. */
  progress(): { done: number; total: number } | undefined {
    const { percentage, total_rows_to_process: rows } = this.connection.progress;
    const total = Number(rows);
    return percentage < 0 || total === 0 ? undefined : { done: (percentage / 100) * total, total };
  }

  /** Gives back what is kept of tables that were read, which else fills the memory bit by bit. Only between statements. */
  async release(): Promise<void> {
    await this.run(`SET memory_limit = '${LEAST_MEMORY}'; SET memory_limit = '${this.memory}'`);
  }

  /** Stops what runs on the connection, and whatever would come after it; the promises reject. */
  interrupt(): void {
    this.isInterrupted = true;
    this.connection.interrupt();
  }

  private throwIfInterrupted(): void {
    if (this.isInterrupted) throw new Error('INTERRUPT Error: Interrupted!');
  }

  async close(): Promise<void> {
    this.connection.closeSync();
    this.instance.closeSync();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A text as an SQL literal. */
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
/** A name as an SQL identifier. */
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** DuckDB, Postgres and Node each say it in their own words. */
export function isNoSpace(error: unknown): boolean {
  const { code, reason, message } = error as { code?: string; reason?: string; message?: string };
  return code === 'ENOSPC' || code === '53100' || reason === 'NO_SPACE' || /no space left|max_temp_directory_size/i.test(message ?? '');
}
