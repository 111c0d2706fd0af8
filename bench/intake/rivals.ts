import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { v7 as uuid } from 'uuid';

import { openDatabase } from '#libs/database';

import { BATCH } from './load.ts';
import { eventOf, months } from './traffic.ts';

const WORKSPACE = '018f0000-0000-7000-8000-0000000000ff';
const ROWS_OF_A_FILE = 10_000;

/**
 * What the intake is measured against: rows that lie in files beside the server go by COPY into a temporary table and
 * from there with ON CONFLICT into one that is partitioned and indexed like ours. No HTTP, no JSON to check, no keys,
 * no identity, no ledger. Rows a second.
 */
export async function copyRate(ownerUrl: string, run: string, rows: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-copy-'));
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await chmod(folder, 0o755);
    await prepare(client);
    let seconds = 0;
    for (let from = 0; from < rows; from += ROWS_OF_A_FILE) {
      const file = join(folder, 'rows.tsv');
      await writeFile(file, Array.from({ length: Math.min(ROWS_OF_A_FILE, rows - from) }, (_, at) => line(run, from + at)).join(''), { mode: 0o644 });
      const began = performance.now();
      await client.query('begin');
      await client.query(`copy staged from '${file}'`);
      await client.query(`insert into bench.events (${COLUMNS}) select ${COLUMNS} from staged on conflict do nothing`);
      await client.query('truncate staged');
      await client.query('commit');
      seconds += (performance.now() - began) / 1000;
    }
    const { rows: counted } = await client.query<{ count: string }>("select count(*) from bench.events where message_id like $1", [`node-${run}-%`]);
    if (Number(counted[0]?.count) !== rows) throw new Error(`COPY stored ${counted[0]?.count} of ${rows} rows.`);
    return rows / seconds;
  } finally {
    await client.end();
    await rm(folder, { recursive: true, force: true });
  }
}

const COLUMNS = 'workspace_id, occurred_at, id, subject_id, type, name, message_id, received_at, user_id, anonymous_id, properties, context';

async function prepare(client: Client): Promise<void> {
  await client.query('create schema if not exists bench');
  await client.query('drop table if exists bench.events');
  await client.query('create table bench.events (like ingestion.events including all) partition by range (occurred_at)');
  // The message id decides here too; a partitioned table's unique key must hold its partition key.
  await client.query('create unique index on bench.events (workspace_id, message_id, occurred_at)');
  for (const month of months()) {
    const from = `${month}-01`;
    await client.query(`create table bench."events_${month}" partition of bench.events for values from ('${from}') to ('${from}'::date + interval '1 month')`);
  }
  await client.query(`create temporary table staged as select ${COLUMNS} from bench.events with no data`);
}

function line(run: string, number: number): string {
  const { event, userId, anonymousId, messageId, timestamp, properties, context, type } = eventOf(run, number);
  const subject = createHash('md5').update(userId).digest('hex');
  const fields = [WORKSPACE, timestamp, uuid(), subject, type, event, messageId, new Date().toISOString(), userId, anonymousId];
  return `${fields.join('\t')}\t${JSON.stringify(properties)}\t${JSON.stringify(context)}\n`;
}

/** What many services do: `createMany` in a loop, here in batches as large as the intake's requests. Rows a second. */
export async function createManyRate(databaseUrl: string, run: string, rows: number): Promise<number> {
  const database = openDatabase({ url: databaseUrl, service: 'ingestion', connections: 2 });
  try {
    const began = performance.now();
    for (let from = 0; from < rows; from += BATCH) {
      const data = Array.from({ length: BATCH }, (_, at) => {
        const { event: name, userId, anonymousId, messageId, timestamp, properties, context, type } = eventOf(run, from + at);
        const times = { occurredAt: new Date(timestamp), receivedAt: new Date() };
        return { workspaceId: WORKSPACE, id: uuid(), type, name, messageId, ...times, userId, anonymousId, properties: { ...properties } as object, context };
      });
      await database.inWorkspace(WORKSPACE, (transaction) => transaction.event.createMany({ data, skipDuplicates: true }));
    }
    return rows / ((performance.now() - began) / 1000);
  } finally {
    await database.close();
  }
}
