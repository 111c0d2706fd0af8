import { DuckDBInstance } from '@duckdb/node-api';
import { validate } from 'uuid';

import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

/** What a head says of one customer. */
export interface SaidProbability {
  readonly customerId: string;
  readonly probability: number;
}

const row = z.object({ customer: z.string().refine(validate, 'must be a UUID'), probability: z.number().min(0).max(1) });

/** Memory that reading a file of any size may take. */
const MEMORY_LIMIT = '128MB';

/** Opens predictions.parquet: its number of rows, and the rows in pieces. Close it in any case. */
export async function openPredictions(file: string): Promise<{ rows: number; chunks(): AsyncGenerator<SaidProbability[]>; close(): void }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: MEMORY_LIMIT });
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
        const result = await connection.stream('SELECT customer::VARCHAR AS customer, probability::DOUBLE AS probability FROM read_parquet($file)', { file });
        for await (const rows of result.yieldRowObjectJs()) yield rows.map(toProbability);
      },
    };
  } catch (error) {
    close();
    throw RpcError.invalid(`The predictions cannot be read: ${(error as Error).message}`, { reason: 'PREDICTIONS_INVALID', cause: error });
  }
}

function toProbability(raw: unknown): SaidProbability {
  const parsed = row.safeParse(raw);
  if (!parsed.success) throw RpcError.invalid(`A row of the predictions is not as agreed: ${z.prettifyError(parsed.error)}`, { reason: 'PREDICTIONS_INVALID' });
  return { customerId: parsed.data.customer, probability: parsed.data.probability };
}
