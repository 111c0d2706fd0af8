// `node bench/import-memory/measure.ts ROWS`: makes a file of so many rows, imports it through the whole system, and prints what was measured as JSON.
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

import { temporaryFolder } from '#libs/embedded';

import { importFile } from '../../scripts/start/file-import.ts';
import { Api } from '../../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../../scripts/start/main-job.ts';
import { Progress } from '../../scripts/start/progress.ts';
import type { System } from '../../scripts/start/system.ts';
import type { Measured } from './measured.ts';
import { startMeasured } from '../system.ts';

/** Rows of an order, which become one event: as in a shop's export. */
const ROWS_OF_AN_ORDER = 20;

const tell = (line: string) => void process.stderr.write(`${line}\n`);

async function measure(rows: number): Promise<Measured> {
  const folder = await temporaryFolder('kindred-bench');
  let system: System | undefined;
  try {
    const file = join(folder, 'lines.parquet');
    const mapping = join(folder, 'mapping.json');
    await generate(file, rows);
    await writeFile(mapping, JSON.stringify(MAPPING));
    system = await startMeasured(folder, tell);
    await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
    const api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
    const ingestion = system.pids()['ingestion'] ?? 0;
    const began = performance.now();
    const { rowsRead, eventsStored } = await importFile(api, file, mapping, new Progress(), tell);
    const seconds = (performance.now() - began) / 1000;
    if (rowsRead !== rows || eventsStored !== rows / ROWS_OF_AN_ORDER) throw new Error(`${rowsRead} of ${rows} rows were read and ${eventsStored} events stored.`);
    if (system.pids()['ingestion'] !== ingestion) throw new Error('Ingestion was started again meanwhile, so that its peak is not known.');
    const fileMiB = Math.round((await stat(file)).size / 2 ** 20);
    return { rows, fileMiB, seconds: Math.round(seconds), rowsPerSecond: Math.round(rows / seconds), events: eventsStored, peakMiB: await peakMiB(ingestion) };
  } finally {
    await system?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const MAPPING = {
  customer: { column: 'client' },
  time: { column: 'at' },
  event: { name: 'Order Completed' },
  messageId: { column: 'order_no', prefix: 'order-' },
  properties: { revenue: { multiply: ['quantity', 'price'], aggregate: 'sum' } },
  fold: { by: ['order_no'], list: { property: 'products', fields: { product_id: { column: 'sku' }, quantity: { column: 'quantity', kind: 'numeric' } } } },
};

/** Orders of a shop, the lines of each beside one another, streamed into a file: always the same for a number of rows. */
async function generate(file: string, rows: number): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '512MB' });
  const connection = await instance.connect();
  try {
    await connection.run(`
      COPY (
        SELECT 'o' || (i // ${ROWS_OF_AN_ORDER}) AS order_no, 'client-' || ((i // ${ROWS_OF_AN_ORDER}) * 7919 % 200000) AS client,
          TIMESTAMP '2024-01-01' + INTERVAL 1 SECOND * ((i // ${ROWS_OF_AN_ORDER}) * 104729 % 63072000) AS at,
          'sku-' || (hash(i) % 5000) AS sku, 1 + hash(i) % 4 AS quantity, (hash(i) % 20000) / 100.0 AS price
        FROM range(${rows}) AS r (i)
      ) TO '${file}' (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Linux's own mark of the most resident memory that a process had. */
async function peakMiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024);
}

process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[2])))}\n`);
process.exit(0);
