import { rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { Command } from 'commander';
import { Client } from 'pg';

import { temporaryFolder } from '#libs/embedded';

import { importFile } from '../scripts/start/file-import.ts';
import { Api } from '../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../scripts/start/main-job.ts';
import { Progress } from '../scripts/start/progress.ts';
import type { System } from '../scripts/start/system.ts';
import { graphqlBody, send, sendSteadily } from './intake/load.ts';
import { copyRate, createManyRate } from './intake/rivals.ts';
import { cpuSeconds, residentMiB as memoryOf } from './intake/usage.ts';
import { atLeast, atMost, type Benchmark, markdown, type Recorded, type Target, targetsTable } from './measurement.ts';
import { startMeasured } from './system.ts';

const FILE = resolve('../shared/data/online_retail_II.parquet');
const MAPPING = resolve('apps/ingestion/mappings/online-retail-II.json');
/** Of the top rate, at which the latency is told. */
const LATENCY_AT = 0.7;
/** Loads one after the other, so that growth of memory shows between them. */
const LOADS = 4;
const FLAT_EVENTS = 10_000_000;
const WARM_EVENTS = 20_000;

export const benchmark: Benchmark = {
  about: 'events a second, acknowledged after commit, against server-side COPY and a loop of createMany; latency, memory, GraphQL, import (--events N; --flat: memory over 10 million events more, about 10 GB of disk)',
  table: intakeTable,
  run: async ({ args, tell }) => {
    const command = new Command().option('--events <n>', 'sent over HTTP at full rate', Number, 400_000).option('--flat [n]', 'events sent over HTTP behind all that, to see whether the memory stays');
    const { events, flat } = command.parse([...args], { from: 'user' }).opts<{ events: number; flat?: string | true }>();
    const folder = await temporaryFolder('kindred-bench');
    const system = await startMeasured(folder, tell);
    const { postgresPassword, servicePassword } = system.secrets;
    const address = `127.0.0.1:${system.ports.postgres}/kindred`;
    const ownerUrl = `postgresql://postgres:${encodeURIComponent(postgresPassword)}@${address}`;
    const owner = new Client({ connectionString: ownerUrl });
    await owner.connect();
    try {
      await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
      const api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
      await untilKeyIsKnown(system);

      const copies = [await copyRate(ownerUrl, 'copy-before', events / 4)];
      const rest = await restLoads(system, owner, events, tell);
      copies.push(await copyRate(ownerUrl, 'copy-after', events / 4));
      const copy = mean(copies);
      tell(`COPY: ${copies.map((rate) => Math.round(rate)).join(' and ')} rows/s, REST: ${Math.round(rest.eventsPerSecond)} events/s`);

      // What those before it wrote is not written out in its seconds.
      await owner.query('checkpoint');
      const calm = await sendSteadily({ ...restOf(system), run: 'calm', events: events / 2, eventsPerSecond: LATENCY_AT * rest.eventsPerSecond });
      const door = { url: api.url, key: system.secrets.writeKey, body: graphqlBody };
      // As REST was before it was measured, and as much as one of its loads.
      await send({ ...door, run: 'graphql-warm', events: WARM_EVENTS });
      const graphql = await send({ ...door, run: 'graphql', events: events / LOADS });
      tell(`GraphQL: ${Math.round(graphql.eventsPerSecond)} events/s; at 70 % of REST's rate p99 ${calm.p99} ms`);
      const createMany = await createManyRate(`postgresql://kindred_app:${encodeURIComponent(servicePassword)}@${address}`, 'create-many', 20_000);
      const imported = await importRetail(api, tell);
      const memory = flat === undefined ? undefined : await memoryOver(system, flat === true ? FLAT_EVENTS : Number(flat), tell);

      return {
        figures: {
          events,
          eventsPerSecond: Math.round(rest.eventsPerSecond),
          copyRowsPerSecond: copies.map((rate) => Math.round(rate)),
          createManyRowsPerSecond: Math.round(createMany),
          latencyAtFullRate: { p50: rest.p50, p99: rest.p99 },
          latencyAt70Percent: { eventsPerSecond: Math.round(calm.eventsPerSecond), p50: calm.p50, p99: calm.p99 },
          graphqlEventsPerSecond: Math.round(graphql.eventsPerSecond),
          cpuSecondsPerMillion: rest.cpuSecondsPerMillion,
          bytesPerMillion: rest.bytesPerMillion,
          residentMiB: rest.residentMiB,
          ...(memory === undefined ? {} : { memory }),
          import: imported,
        },
        targets: [
          atLeast('events/s over HTTP, of the same rows by server-side COPY', 0.5, rest.eventsPerSecond / copy, 2),
          atLeast('events/s over HTTP, times a loop of createMany', 5, rest.eventsPerSecond / createMany, 2),
          atMost('p99 at 70 % of the top rate, ms', 250, calm.p99),
          atMost('memory after the last quarter of the events, of that after the second', 1.15, (rest.residentMiB[3] ?? 0) / (rest.residentMiB[1] ?? 1), 2),
          atLeast('GraphQL trackEvents, of REST', 0.7, graphql.eventsPerSecond / rest.eventsPerSecond, 2),
          ...importTargets(imported, copy),
          ...(memory === undefined ? [] : [atMost(`memory after ${(memory.events / 1e6).toLocaleString('en')} million events, of that after a tenth of them`, 1.15, (memory.residentMiB.at(-1) ?? 0) / (memory.residentMiB[0] ?? 1), 2)]),
        ],
      };
    } finally {
      await owner.end();
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

const restOf = ({ ports, secrets }: System) => ({ url: `http://127.0.0.1:${ports.intake}/v1/batch`, key: secrets.writeKey });

/** The key was made a moment ago; ingestion hears of it by itself. */
async function untilKeyIsKnown(system: System): Promise<void> {
  const { url, key } = restOf(system);
  const isKnown = async () => (await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: '{"batch":[]}' })).ok;
  while (!(await isKnown())) await new Promise((done) => setTimeout(done, 50));
}

/** Everything on: keys, validation, deduplication, identity, partitions, ledger. Counts what is stored against what was sent. */
async function restLoads(system: System, owner: Client, events: number, tell: (line: string) => void) {
  const processes = Object.entries(system.pids()).flatMap(([name, pid]) => (pid !== undefined && (name === 'ingestion' || name.startsWith('embedded')) ? [pid] : []));
  const ingestion = system.pids()['ingestion'] ?? 0;
  // Connections, plans and code are warm before anything is measured.
  await send({ ...restOf(system), run: 'warm', events: WARM_EVENTS });
  const used = { cpu: await cpuSeconds(processes), bytes: await bytesStored(owner) };
  const loads = [];
  const resident: number[] = [];
  for (let load = 0; load < LOADS; load++) {
    const result = await send({ ...restOf(system), run: `rest-${load}`, events: events / LOADS });
    loads.push(result);
    resident.push(Math.round(await memoryOf(ingestion)));
    tell(`${Math.round(result.eventsPerSecond)} events/s, p99 ${result.p99} ms, ingestion has ${resident.at(-1)} MiB`);
  }
  const { rows } = await owner.query<{ count: string }>("select count(*) from ingestion.events where message_id like 'node-rest-%'");
  if (Number(rows[0]?.count) !== events) throw new Error(`${rows[0]?.count} of ${events} acknowledged events are stored.`);
  const perMillion = (amount: number) => Math.round((amount / events) * 1e6);
  return {
    eventsPerSecond: LOADS / loads.reduce((sum, { eventsPerSecond }) => sum + 1 / eventsPerSecond, 0),
    p50: Math.max(...loads.map(({ p50 }) => p50)),
    p99: Math.max(...loads.map(({ p99 }) => p99)),
    cpuSecondsPerMillion: perMillion((await cpuSeconds(processes)) - used.cpu),
    bytesPerMillion: perMillion((await bytesStored(owner)) - used.bytes),
    residentMiB: resident,
  };
}

/** Resident memory of ingestion after each tenth of so many events. */
async function memoryOver(system: System, events: number, tell: (line: string) => void): Promise<{ events: number; residentMiB: number[] }> {
  const residentMiB: number[] = [];
  for (let tenth = 0; tenth < 10; tenth++) {
    await send({ ...restOf(system), run: `flat-${tenth}`, events: events / 10 });
    residentMiB.push(Math.round(await memoryOf(system.pids()['ingestion'] ?? 0)));
    tell(`${(((tenth + 1) * events) / 10).toLocaleString('en')} events: ingestion has ${residentMiB.at(-1)} MiB`);
  }
  return { events, residentMiB };
}

/** What was aimed at; and the rates themselves, and what a million events cost, for which nothing is aimed at. */
function intakeTable(results: readonly Recorded[]): string {
  const costs = results.flatMap(({ figures }) => {
    const told = figures as {
      eventsPerSecond: number; copyRowsPerSecond: number[]; createManyRowsPerSecond: number; graphqlEventsPerSecond: number; latencyAtFullRate: { p50: number; p99: number };
      latencyAt70Percent: { p50: number; p99: number }; cpuSecondsPerMillion: number; bytesPerMillion: number; memory?: { events: number; residentMiB: number[] };
    };
    const { cpuSecondsPerMillion, bytesPerMillion, memory } = told;
    return [
      ['events a second over HTTP, acknowledged after commit', whole(told.eventsPerSecond)],
      ['by server-side COPY of the same rows, before and after', told.copyRowsPerSecond.map(whole).join(', ')],
      ['by a loop of createMany', whole(told.createManyRowsPerSecond)],
      ['by GraphQL', whole(told.graphqlEventsPerSecond)],
      ['p50 and p99 at full rate, ms', `${told.latencyAtFullRate.p50}, ${told.latencyAtFullRate.p99}`],
      ['the same at 70 % of it', `${told.latencyAt70Percent.p50}, ${told.latencyAt70Percent.p99}`],
      ['CPU-seconds of ingestion and Postgres for a million events over HTTP', cpuSecondsPerMillion],
      ['MiB of tables and indexes for a million events', Math.round(bytesPerMillion / 2 ** 20)],
      ...(memory ? [[`resident memory of ingestion after each tenth of ${memory.events.toLocaleString('en')} events, MiB`, memory.residentMiB.join(', ')]] : []),
    ];
  });
  return `${targetsTable(results)}\n\n${markdown([['measured', ''], ...costs])}`;
}

/** Tables and indexes of ingestion. */
async function bytesStored(owner: Client): Promise<number> {
  const { rows } = await owner.query<{ bytes: string }>(
    "select sum(pg_total_relation_size(c.oid)) as bytes from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'ingestion' and c.relkind = 'r'",
  );
  return Number(rows[0]?.bytes);
}

/** Rows of the file may fold into one event, so that both rates are told. */
interface Imported {
  seconds: number;
  rowsPerSecond: number;
  eventsPerSecond: number;
}

/** Online Retail II, where the file is there. */
async function importRetail(api: Api, tell: (line: string) => void): Promise<Imported | undefined> {
  if (!(await stat(FILE).catch(() => undefined))) return undefined;
  const began = performance.now();
  const { rowsRead, eventsStored } = await importFile(api, FILE, MAPPING, new Progress(), tell);
  const seconds = (performance.now() - began) / 1000;
  return { seconds, rowsPerSecond: rowsRead / seconds, eventsPerSecond: eventsStored / seconds };
}

function importTargets(imported: Imported | undefined, copy: number): Target[] {
  if (!imported) return [];
  return [
    atMost('Online Retail II, seconds to import', 20, imported.seconds, 1),
    atLeast('rows/s of the import, of rows/s by server-side COPY', 0.5, imported.rowsPerSecond / copy, 2),
  ];
}

const whole = (value: number) => Math.round(value).toLocaleString('en');
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
