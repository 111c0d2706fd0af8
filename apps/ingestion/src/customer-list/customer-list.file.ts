import type { ArtifactStore } from '#libs/artifacts';
import type { customerList } from '#libs/contracts';
import { factOf, RpcError } from '#libs/grpc';

import { asRpcError } from '../import/import.rpc-error.js';
import { LINE, openSource, type Source } from '../import/import.source.js';
import { Scratch, type ScratchOptions } from '../scratch/scratch.js';

/** Rows in one message: well below the 4 MB that a caller takes. */
const ROWS_AT_ONCE = 2_000;

/** Reads files of which each row is of a customer: as imports read theirs, but nothing becomes an event. */
export class CustomerListFile {
  constructor(
    private readonly artifacts: ArtifactStore,
    private readonly scratch: ScratchOptions,
  ) {}

  async *read(workspaceId: string, request: customerList.ReadCustomerListRequest, signal: AbortSignal): AsyncGenerator<customerList.ListRow[]> {
    const { artifact, fileName, columns, mostRows } = request;
    if (!artifact.startsWith(`${workspaceId}/`)) throw RpcError.notFound('There is no such file.', { reason: 'FILE_UNKNOWN' });
    const path = await this.artifacts.localFile(artifact).catch((error: unknown) => {
      throw asRpcError(error);
    });
    const scratch = await Scratch.open(this.scratch);
    const interrupt = () => scratch.interrupt();
    signal.addEventListener('abort', interrupt);
    try {
      const source = await openSource(scratch, path, fileName, undefined, mostRows === 0 ? 0 : mostRows + 1);
      yield* rowsOf(scratch, source, columns, mostRows);
    } catch (error) {
      throw asRpcError(error);
    } finally {
      signal.removeEventListener('abort', interrupt);
      await scratch.close();
    }
  }
}

async function* rowsOf(scratch: Scratch, source: Source, columns: readonly customerList.ListColumn[], mostRows: number): AsyncGenerator<customerList.ListRow[]> {
  const cells = columns.map((column) => cellOf(source, column));
  const result = await scratch.connection.stream(`SELECT ${LINE} + ${source.headerLines} AS line, [${cells.join(', ')}] AS cells, ${source.fault} AS fault FROM ${source.relation}`);
  let seen = 0;
  let batch: customerList.ListRow[] = [];
  for await (const rows of result.yieldRowObjectJson()) {
    seen += rows.length;
    if (mostRows > 0 && seen > mostRows) {
      throw RpcError.invalid(`The file has more than ${mostRows} rows. Split it.`, { reason: 'TOO_MANY_ROWS', metadata: { most: String(mostRows) } });
    }
    for (const row of rows) {
      batch.push({ line: Number(row['line']), cells: (row['cells'] as (string | null)[]).map((cell) => cell ?? ''), fault: (row['fault'] as string | null) ?? '' });
      if (batch.length === ROWS_AT_ONCE) yield batch.splice(0);
    }
  }
  batch.push(...(await brokenLines(scratch)));
  if (batch.length > 0) yield batch;
}

/** Lines that have no columns at all: the reader itself left them out. */
async function brokenLines(scratch: Scratch): Promise<customerList.ListRow[]> {
  const kept = await scratch.rows(`SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'`);
  if (kept.length === 0) return [];
  const lines = await scratch.rows<{ line: string; fault: string }>(
    `SELECT line, any_value(error_message) AS fault FROM reject_errors GROUP BY line ORDER BY line LIMIT ${ROWS_AT_ONCE}`,
  );
  return lines.map(({ line, fault }) => ({ line: Number(line), cells: [], fault: fault.split('\n', 1)[0] ?? '' }));
}

function cellOf(source: Source, { names, required }: customerList.ListColumn): string {
  const wanted = names.map(asCompared);
  const found = source.columns.find(({ name }) => wanted.includes(asCompared(name)));
  if (found) return `${source.text(found.name)}::VARCHAR`;
  if (!required) return 'NULL::VARCHAR';
  const known = source.columns.map(({ name }) => name);
  throw RpcError.invalid(`The file has no column ${names[0] ?? ''}; it has ${known.join(', ')}.`, {
    reason: 'COLUMN_MISSING',
    metadata: { column: names[0] ?? '', columns: factOf(known) },
  });
}

/** userId, user_id and "User ID" are one name. */
const asCompared = (name: string) => name.toLowerCase().replace(/[ _-]/g, '');
