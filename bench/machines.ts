import { access, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';

import { temporaryFolder } from '#libs/embedded';

import { importFile, upload } from '../scripts/start/file-import.ts';
import { Api } from '../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../scripts/start/main-job.ts';
import { Progress } from '../scripts/start/progress.ts';
import { trainAndFollow, untilChampion } from '../scripts/start/run.ts';
import { above, below, type Benchmark, lineChart, markdown, type Recorded } from './measurement.ts';
import { startMeasured } from './system.ts';

const FILE = resolve('../shared/data/cmapss_fd001.parquet');
const MAPPING = resolve('apps/ingestion/mappings/cmapss-fd001.json');
/** As the mapping has it: the time of cycle 0. */
const ORIGIN = Date.UTC(2008, 0, 1);
const HOUR_MS = 3_600_000;
/** Remaining cycles above are as good as new. */
const CAPPED = 125;
/** RMSE of ridge regression on last-window means of the sensors, the best of three windows (bench/cmapss.py of the worker). */
const WINDOW_MEANS = 24.351;
const BEFORE_FAILURE = [0, 5, 10, 20, 30, 50, 75, 100, 125] as const;

interface Engine {
  /** As its events carry it. */
  readonly userId: string;
  readonly cycles: number;
  readonly remaining: number;
}

interface Foreseen {
  readonly labels: string;
  readonly encoder: string;
  /** Out of fold, on engines that failed. */
  readonly error: number;
  readonly low: number;
  readonly high: number;
  readonly bestRival: string;
  readonly rivalError: number;
  /** On engines in service, at their last cycle. */
  readonly errorInService: number;
  readonly coveredInService: number;
  readonly isLive: boolean;
  readonly seconds: number;
}

interface Evaluation {
  bestRival: string;
  standings: { subject: string; rmse: number; low: number; high: number }[];
}

export const benchmark: Benchmark = {
  about: 'machines as customers: C-MAPSS FD001 through the product, from the file to remaining cycles, novelty before failure and segments of those in service (docs/machines.md)',
  table: (results) => results.map(tableOf).join('\n\n'),
  run: async ({ tell }) => {
    await access(FILE).catch(() => {
      throw new Error(`${FILE} is not there; this benchmark needs C-MAPSS FD001.`);
    });
    const folder = await temporaryFolder('kindred-bench');
    const fleet = await prepared(folder);
    const system = await startMeasured(folder, tell);
    try {
      await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
      const api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
      const progress = new Progress();
      await importFile(api, fleet.events, MAPPING, progress, tell);
      await trainAndFollow(api, progress);
      await untilChampion(api);
      const heads = [
        await foreseen(api, fleet, 'every tenth cycle', 'FROZEN'),
        await foreseen(api, fleet, 'every tenth cycle', 'FINE_TUNED'),
        await foreseen(api, fleet, 'every cycle', 'FROZEN'),
      ];
      const novelty = await noveltyBeforeFailure(api, fleet.failed);
      const segments = await segmentsInService(api, fleet.inService);
      const at = (cycles: number) => novelty.find(({ remaining }) => remaining === cycles)?.novelty ?? Number.NaN;
      return {
        figures: { heads, novelty, segments },
        targets: [
          ...heads.map(({ labels, encoder, errorInService }) => below(`RMSE of remaining cycles, engines in service, ${labels}, ${encoder}: that of last-window means`, WINDOW_MEANS, errorInService, 3)),
          above('novelty 5 cycles before failure, twice that of 50 cycles before', 2 * at(50), at(5), 3),
        ],
      };
    } finally {
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Fleet {
  readonly events: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly failed: readonly Engine[];
  readonly inService: readonly Engine[];
}

/** The files of docs/machines.md: events, with engines in service seen to the same hour, and labels of those that failed. */
async function prepared(folder: string): Promise<Fleet> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const events = join(folder, 'fleet.parquet');
  await connection.run(`CREATE TABLE cycles AS SELECT *, max(cycle) OVER () AS latest, max(cycle) OVER (PARTITION BY split, unit) AS own FROM '${FILE}'`);
  await connection.run(
    `COPY (SELECT * EXCLUDE (remaining_cycles, latest, own) REPLACE (cycle + CASE split WHEN 'test' THEN latest - own ELSE 0 END AS cycle) FROM cycles) TO '${events}' (FORMAT parquet)`,
  );
  const labelsOf = async (name: string, which: string) => {
    const file = join(folder, `${name}.csv`);
    await connection.run(
      `COPY (SELECT split || '-' || unit AS "userId", least(remaining_cycles, ${CAPPED}) AS value, TIMESTAMP '2008-01-01 00:00:01' + to_hours(cycle::INTEGER) AS "asOf"
        FROM cycles WHERE split = 'train' AND cycle < latest AND ${which} ORDER BY ALL) TO '${file}'`,
    );
    return file;
  };
  const labels = { 'every tenth cycle': await labelsOf('tenth', 'cycle % 10 = 0 AND cycle <= 240'), 'every cycle': await labelsOf('every', 'true') };
  const engines = await connection.runAndReadAll(
    `SELECT split, split || '-' || unit AS "userId", max(cycle)::DOUBLE AS cycles, min(remaining_cycles)::DOUBLE AS remaining FROM cycles GROUP BY ALL ORDER BY ALL`,
  );
  const rows = engines.getRowObjectsJS() as unknown as (Engine & { split: string })[];
  connection.closeSync();
  return { events, labels, failed: rows.filter(({ split }) => split === 'train'), inService: rows.filter(({ split }) => split === 'test') };
}

/** From a label set to what its head says of engines in service. */
async function foreseen(api: Api, { labels, inService }: Fleet, name: string, encoder: string): Promise<Foreseen> {
  const began = performance.now();
  const { createLabelSet: set } = await api.ask<{ createLabelSet: { id: string } }>(
    'mutation($input: CreateLabelSetInput!) { createLabelSet(input: $input) { ... on LabelSet { id } } }', { input: { name: `Remaining cycles, ${name}, ${encoder}`, kind: 'NUMERIC' } },
  );
  await api.ask('mutation($input: AddLabelsInput!) { addLabels(input: $input) { ... on LabelsAdded { stored } } }', { input: { labelSetId: set.id, uploadId: await upload(api, labels[name] ?? '') } });
  const { trainHead } = await api.ask<{ trainHead: { id: string } }>('mutation($input: TrainHeadInput!) { trainHead(input: $input) { ... on LabelHead { id } } }', { input: { labelSetId: set.id, encoder } });
  const { bestRival, standings } = await ended(api, trainHead.id);
  const seconds = (performance.now() - began) / 1000;
  const said: { truth: number; number: number; low: number; high: number; isLive: boolean }[] = [];
  for (const { userId, remaining } of inService) {
    const { customer } = await api.ask<{ customer: { numberPredictions: { number: number; low: number; high: number; isLive: boolean; labelSet: { id: string } }[] } }>(
      'query($userId: String!) { customer(userId: $userId) { numberPredictions { number low high isLive labelSet { id } } } }', { userId },
    );
    const one = customer.numberPredictions.find(({ labelSet }) => labelSet.id === set.id);
    if (!one) throw new Error(`Nothing is foreseen of ${userId}.`);
    said.push({ truth: Math.min(remaining, CAPPED), ...one });
  }
  const own = standings[0];
  const rival = standings.find(({ subject }) => subject === bestRival);
  return {
    labels: name,
    encoder,
    error: own?.rmse ?? Number.NaN,
    low: own?.low ?? Number.NaN,
    high: own?.high ?? Number.NaN,
    bestRival,
    rivalError: rival?.rmse ?? Number.NaN,
    errorInService: Math.sqrt(mean(said.map(({ truth, number }) => (Math.min(Math.max(number, 0), CAPPED) - truth) ** 2))),
    coveredInService: mean(said.map(({ truth, low, high }) => (truth >= low && truth <= high ? 1 : 0))),
    isLive: said.every(({ isLive }) => isLive),
    seconds: Math.round(seconds),
  };
}

async function ended(api: Api, id: string): Promise<Evaluation> {
  for (;;) {
    const { labelHead } = await api.ask<{ labelHead: { state: string; error: string | null; numberEvaluation: Evaluation | null } }>(
      'query($id: ID!) { labelHead(id: $id) { state error numberEvaluation { bestRival standings { subject rmse low high } } } }', { id },
    );
    if (labelHead.numberEvaluation) return labelHead.numberEvaluation;
    if (labelHead.state !== 'QUEUED' && labelHead.state !== 'RUNNING') throw new Error(labelHead.error ?? `The head ended as ${labelHead.state}.`);
    await new Promise((done) => setTimeout(done, 500));
  }
}

/** Mean of all engines that failed, so many cycles before they did, as the champion reads what they had done by then. */
async function noveltyBeforeFailure(api: Api, failed: readonly Engine[]): Promise<{ remaining: number; novelty: number }[]> {
  const read = new Map<number, number[]>(BEFORE_FAILURE.map((remaining) => [remaining, []]));
  for (const { userId, cycles } of failed) {
    const asked = BEFORE_FAILURE.filter((remaining) => remaining < cycles);
    const fields = asked.map((remaining) => `before${remaining}: novelty(asOf: "${new Date(ORIGIN + (cycles - remaining) * HOUR_MS).toISOString()}")`);
    const { customer } = await api.ask<{ customer: Record<string, number> }>(`query($userId: String!) { customer(userId: $userId) { ${fields.join(' ')} } }`, { userId });
    for (const remaining of asked) read.get(remaining)?.push(customer[`before${remaining}`] ?? Number.NaN);
  }
  return [...read].map(([remaining, values]) => ({ remaining, novelty: mean(values) }));
}

/** Of the engines in service: who is in which segment, and what remained of them. */
async function segmentsInService(api: Api, inService: readonly Engine[]): Promise<{ segment: string; engines: number; least: number; median: number; most: number }[]> {
  const of = new Map<string, number[]>();
  for (const { userId, remaining } of inService) {
    const { customer } = await api.ask<{ customer: { memberships: { segment: { name: string } }[] } }>('query($userId: String!) { customer(userId: $userId) { memberships { segment { name } } } }', { userId });
    const name = customer.memberships.map(({ segment }) => segment.name).join(', ');
    of.set(name, [...(of.get(name) ?? []), remaining]);
  }
  return [...of].map(([segment, remaining]) => {
    const sorted = remaining.toSorted((one, other) => one - other);
    return { segment, engines: sorted.length, least: sorted[0] ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 };
  });
}

function tableOf({ figures, machine, commit }: Recorded): string {
  const { heads, novelty, segments } = figures as { heads: Foreseen[]; novelty: { remaining: number; novelty: number }[]; segments: Awaited<ReturnType<typeof segmentsInService>> };
  return [
    markdown([
      ['labels', 'encoder', 'RMSE out of fold (95 %)', 'best rival', 'RMSE, engines in service', 'in their interval', 'follows events'],
      ...heads.map((one) => [
        one.labels, one.encoder, `${one.error.toFixed(1)} (${one.low.toFixed(1)} to ${one.high.toFixed(1)})`, `${one.bestRival} ${one.rivalError.toFixed(1)}`,
        one.errorInService.toFixed(1), `${Math.round(one.coveredInService * 100)} %`, one.isLive ? 'yes' : 'no',
      ]),
    ]),
    markdown([['cycles before failure', ...novelty.map(({ remaining }) => String(remaining))], ['mean novelty', ...novelty.map((one) => one.novelty.toFixed(2))]]),
    lineChart({
      title: 'Novelty before failure, mean of the engines that failed', x: 'cycles before failure', y: 'novelty',
      points: novelty.toReversed().map((one) => [one.remaining, one.novelty]),
    }),
    markdown([['segment of engines in service', 'engines', 'remaining cycles: least', 'median', 'most'], ...segments.map((one) => [one.segment, one.engines, one.least, one.median, one.most])]),
    `${machine}; commit ${commit}.`,
  ].join('\n\n');
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
