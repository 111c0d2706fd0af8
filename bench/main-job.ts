import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { access } from 'node:fs/promises';

import { temporaryFolder } from '#libs/embedded';

import { importFile } from '../scripts/start/file-import.ts';
import { Api } from '../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../scripts/start/main-job.ts';
import { Progress } from '../scripts/start/progress.ts';
import { trainAndFollow, untilChampion } from '../scripts/start/run.ts';
import { segmentsTable } from '../scripts/start/segments-table.ts';
import { atLeast, atMost, type Benchmark, markdown } from './measurement.ts';
import { MemorySampler } from './memory.ts';
import { startMeasured } from './system.ts';

const FILE = resolve('../shared/data/online_retail_II.parquet');
const MAPPING = resolve('apps/ingestion/mappings/online-retail-II.json');

interface Step {
  name: string;
  seconds: number;
  rowsPerSecond: number;
}

export const benchmark: Benchmark = {
  table: (results) =>
    results
      .map(({ figures, machine, commit }) => {
        const { totalSeconds, peakMemoryMiB, rows, customers, segments, steps } = figures as { steps: Step[] } & Record<string, number>;
        return `${markdown([
          ['step', 'seconds', 'per second'],
          ...(steps as Step[]).map(({ name, seconds, rowsPerSecond }) => [name, seconds, `${rowsPerSecond.toLocaleString('en')} ${name === 'import' ? 'rows' : name === 'promoting' ? 'customers' : 'events'}`]),
          ['**altogether**', totalSeconds ?? 0, `${rows?.toLocaleString('en')} rows, ${customers?.toLocaleString('en')} customers, ${segments} segments`],
        ])}\n\nPeak memory of all processes together (sampled sum of PSS): ${peakMemoryMiB?.toLocaleString('en')} MiB. ${machine}; commit ${commit}.`;
      })
      .join('\n\n'),
  about: 'Online Retail II, file to promoted segments with everyone placed: seconds by step, peak memory',
  run: async ({ tell }) => {
    await access(FILE).catch(() => {
      throw new Error(`${FILE} is not there; this benchmark needs Online Retail II.`);
    });
    const folder = await temporaryFolder('kindred-bench');
    const system = await startMeasured(folder, tell);
    const memory = new MemorySampler(() => [process.pid]);
    try {
      await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
      const api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
      const progress = new Progress();
      const began = performance.now();
      const imported = await importFile(api, FILE, MAPPING, progress, tell);
      const importSeconds = (performance.now() - began) / 1000;
      const run = await trainAndFollow(api, progress);
      const promoting = performance.now();
      await untilChampion(api);
      const promoteSeconds = (performance.now() - promoting) / 1000;
      const totalSeconds = (performance.now() - began) / 1000;
      tell(await segmentsTable(api));

      const { segments, customers } = await api.ask<{ segments: { totalCount: number; population: number; basis: { placed: number } }; customers: { totalCount: number } }>(
        '{ segments(first: 1) { totalCount population basis { placed } } customers(first: 1) { totalCount } }',
      );
      const { placed } = segments.basis;
      const rows = imported.rowsRead;
      const step = (name: string, seconds: number, count: number): Step => ({ name, seconds: round(seconds), rowsPerSecond: Math.round(count / Math.max(seconds, 0.001)) });
      const steps = [
        step('import', importSeconds, rows),
        ...run.steps.map(({ state, startedAt, finishedAt }) =>
          step(state.toLowerCase(), startedAt && finishedAt ? (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000 : 0, imported.eventsStored),
        ),
        step('promoting', promoteSeconds, segments.population),
      ];
      return {
        figures: {
          totalSeconds: round(totalSeconds),
          peakMemoryMiB: memory.peakMiB,
          rows,
          events: imported.eventsStored,
          customers: customers.totalCount,
          customersPlaced: placed,
          segments: segments.totalCount,
          steps,
        },
        targets: [
          atMost('file to promoted segments, seconds', 600, round(totalSeconds)),
          atMost('peak memory of all processes together (sampled sum of PSS), MiB', 4096, memory.peakMiB),
          atLeast('customers in a segment', customers.totalCount, placed),
        ],
      };
    } finally {
      memory.stop();
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

const round = (value: number) => Math.round(value * 10) / 10;
