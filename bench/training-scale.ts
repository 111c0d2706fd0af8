import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Command } from 'commander';

import { atMost, type Benchmark, markdown, targetsTable } from './measurement.ts';
import { asked } from './speed/worker.ts';

/** One size, as apps/gpu-worker/bench/training_scale.py tells it. */
interface Size {
  events: number;
  customers: number;
  seconds: number;
  own_mib: number;
  mapped_mib: number;
  stages: { stage: string; seconds: number; own_mib: number }[];
}

export const benchmark: Benchmark = {
  about: 'time and memory of a training and its segments from generated snapshots of 1 to 100 million events (--millions 1,3,10,30,100)',
  table: (results) =>
    results
      .map((result) => {
        const { sizes } = result.figures as { sizes: Size[] };
        const totals = sizes.map(({ events, customers, seconds, own_mib: own, mapped_mib: mapped }) => [events, customers, Math.round(seconds), Math.round(events / seconds), Math.round(own), Math.round(mapped)]);
        const stages = [...new Set(sizes.flatMap((size) => size.stages.map(({ stage }) => stage)))];
        const parts = stages.map((name) => [name, ...sizes.map(({ stages: each }) => stageTold(each.find(({ stage }) => stage === name)))]);
        return [
          targetsTable([result]),
          markdown([['events', 'customers', 'seconds', 'events/s', 'own memory, MiB', 'mapped files, MiB'], ...totals]),
          markdown([['seconds, own memory in MiB', ...sizes.map(({ events }) => `${events.toLocaleString('en')} events`)], ...parts]),
        ].join('\n\n');
      })
      .join('\n\n'),
  run: async ({ args, tell }) => {
    const { millions } = new Command()
      .option('--millions <list>', 'of events, separated by commas, ascending', (value) => value.split(',').map(Number), [1, 3, 10, 30, 100])
      .parse([...args], { from: 'user' })
      .opts<{ millions: number[] }>();
    const sizes: Size[] = [];
    for (const million of millions) {
      const folder = await mkdtemp(join(tmpdir(), 'kindred-scale-'));
      try {
        const size = await asked<Size>('training_scale.py', [Math.round(million * 1_000_000), folder]);
        tell(`${size.events.toLocaleString('en')} events: ${Math.round(size.seconds)} s, ${Math.round(size.own_mib)} MiB of its own`);
        sizes.push(size);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    const [first, last] = [sizes[0], sizes.at(-1)];
    if (first === undefined || last === undefined || first === last) return { figures: { sizes }, targets: [] };
    return {
      figures: { sizes },
      targets: [
        atMost('exponent of time over events', 1.05, exponent(sizes.map(({ events, seconds }) => [events, seconds])), 2),
        atMost(`own memory at ${last.events.toLocaleString('en')} events, times that at ${first.events.toLocaleString('en')}`, 1.2, last.own_mib / first.own_mib, 2),
      ],
    };
  },
};

const stageTold = (stage: Size['stages'][number] | undefined) => (stage === undefined ? '–' : `${stage.seconds.toFixed(1)}, ${Math.round(stage.own_mib)}`);

/** Slope of log y over log x, by least squares. */
function exponent(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (of: 0 | 1) => logs.reduce((sum, point) => sum + point[of], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  return logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}
