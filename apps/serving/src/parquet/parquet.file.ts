import { z } from '#libs/config';
import { DuckDBInstance } from '#libs/duckdb';
import { RpcError } from '#libs/grpc';

/** How a file that somebody else wrote is read. */
export interface ParquetForm<Raw> {
  /** For a person: "backfill". */
  readonly name: string;
  /** Of the error where it is not as agreed. */
  readonly reason: string;
  /** Selected of it. */
  readonly columns: string;
  readonly row: z.ZodType<Raw>;
  /** Memory that reading a file of any size may take, as DuckDB words it. */
  readonly memoryLimit: string;
}

export interface ParquetFile<Row> {
  readonly rows: number;
  /** In pieces, each row checked. */
  chunks(): AsyncGenerator<Row[]>;
  /** In any case. */
  close(): void;
}

/** Opens a file by its form. Throws INVALID_ARGUMENT with the form's reason, also for a row that is not as agreed. */
export async function openParquet<Raw, Row>(file: string, form: ParquetForm<Raw>, toRow: (raw: Raw) => Row): Promise<ParquetFile<Row>> {
  const { name, reason, columns, row, memoryLimit } = form;
  const checked = (raw: unknown): Row => {
    const parsed = row.safeParse(raw);
    if (!parsed.success) throw RpcError.invalid(`A row of the ${name} is not as agreed: ${z.prettifyError(parsed.error)}`, { reason });
    return toRow(parsed.data);
  };
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: memoryLimit });
  const connection = await instance.connect();
  const close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  try {
    const counted = await connection.runAndReadAll('SELECT count(*)::DOUBLE FROM read_parquet($file)', { file });
    return {
      rows: Number(counted.getRows()[0]?.[0] ?? 0),
      close,
      async *chunks() {
        const result = await connection.stream(`SELECT ${columns} FROM read_parquet($file)`, { file });
        for await (const rows of result.yieldRowObjectJs()) yield rows.map(checked);
      },
    };
  } catch (error) {
    close();
    throw RpcError.invalid(`The ${name} cannot be read: ${(error as Error).message}`, { reason, cause: error });
  }
}
