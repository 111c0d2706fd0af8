import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { Command } from 'commander';
import { execa } from 'execa';

import { temporaryFolder } from '#libs/embedded';

import { Api } from '../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../scripts/start/main-job.ts';
import { Progress } from '../scripts/start/progress.ts';
import { trainAndFollow, untilChampion } from '../scripts/start/run.ts';
import { segmentsTable } from '../scripts/start/segments-table.ts';
import { agreement, sendHistory } from '../scripts/start/simulated-shop.ts';
import { atLeast, below, type Benchmark, markdown } from './measurement.ts';
import { startMeasured } from './system.ts';

export const benchmark: Benchmark = {
  table: (results) =>
    markdown([
      ['seed', 'Kindred', 'k-means on RFM', 'k-means on 34 aggregates', 'noise and mixtures (Kindred)', 'segments', 'seconds'],
      ...results
        .map(({ figures }) => figures as Record<string, number>)
        .sort((a, b) => (a['seed'] ?? 0) - (b['seed'] ?? 0))
        .map((f) => ['seed', 'adjustedRand', 'rfmAdjustedRand', 'aggregatesAdjustedRand', 'noiseAndMixturesAdjustedRand', 'segments', 'totalSeconds'].map((name) => f[name] ?? '')),
    ]),
  about: 'the simulated shop through the whole system: found against planted behaviours, beside k-means on RFM and on aggregates (--seed N)',
  run: async ({ args, tell }) => {
    const { seed, customers } = new Command()
      .option('--seed <n>', 'of the simulated shop', Number, 1)
      .option('--customers <n>', 'of the simulated shop', Number, 2000)
      .parse([...args], { from: 'user' })
      .opts<{ seed: number; customers: number }>();
    const folder = await temporaryFolder('kindred-bench');
    const system = await startMeasured(folder, tell);
    try {
      await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
      const api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
      const progress = new Progress();
      const began = performance.now();
      await sendHistory({ intake: `http://127.0.0.1:${system.ports.intake}`, writeKey: system.secrets.writeKey, folder, seed, customers }, progress);
      await trainAndFollow(api, progress);
      await untilChampion(api);
      const totalSeconds = Math.round((performance.now() - began) / 100) / 10;
      tell(await segmentsTable(api));
      const { adjustedRand, othersAdjustedRand, planted, segments } = await agreement(api, folder);
      const rivals = await rivalsOf(folder, seed, customers);
      return {
        figures: {
          seed,
          customers,
          adjustedRand: round(adjustedRand),
          rfmAdjustedRand: rivals.rfm,
          aggregatesAdjustedRand: rivals.aggregates,
          noiseAndMixturesAdjustedRand: round(othersAdjustedRand),
          planted,
          segments,
          totalSeconds,
        },
        targets: [
          atLeast('adjusted Rand index against the planted behaviours', 0.9, round(adjustedRand)),
          below('k-means at the true k on RFM', 0.5, rivals.rfm),
        ],
      };
    } finally {
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** The same shop, offline, for who counts instead of reading. */
async function rivalsOf(folder: string, seed: number, customers: number): Promise<{ rfm: number; aggregates: number }> {
  const history = join(folder, 'history.ndjson');
  const truth = join(folder, 'truth.json');
  await execa(process.execPath, [
    resolve('dist/apps/simulator/src/main.js'), '--seed', String(seed), '--customers', String(customers), '--out', history, '--truth', truth, '--progress', 'none',
  ]);
  const { stdout } = await execa(resolve('.venv/bin/python'), ['apps/simulator/bench/separability.py', history, truth], { reject: false });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as { rfm: number; aggregates: number };
}

const round = (value: number) => Math.round(value * 1000) / 1000;
