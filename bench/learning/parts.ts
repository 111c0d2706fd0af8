import { access, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { execa } from 'execa';

import { KEPT, type Part } from './part.ts';

export interface Asked {
  cuts: readonly string[];
  seeds: number;
}

const DATA = resolve('../shared/data');
const data = (name: string) => async () => {
  const path = join(DATA, name);
  await access(path).catch(() => {
    throw new Error(`${path} is not there. This part of the benchmark needs it; leave the part out with --only.`);
  });
  return [path];
};

/** Always the same one: it ends at a fixed time. Its truth lies beside it. */
const shop = (name: string, ...planted: string[]) => async () => {
  const folder = resolve('.kindred/bench');
  await mkdir(folder, { recursive: true });
  const history = join(folder, `${name}.ndjson`);
  const options = ['--seed', '1', '--customers', '2000', '--until', '2026-01-01T00:00:00Z', '--progress', 'none', ...planted];
  await execa(process.execPath, [resolve('dist/apps/simulator/src/main.js'), ...options, '--out', history, '--truth', join(folder, `${name}.truth.json`)]);
  return [history];
};

const RETAIL = data('online_retail_II.parquet');
export const CUTS = ['2011-03-01', '2011-06-01', '2011-09-09'];
export const LAST = 'online-retail@2011-09-09';

/** In the order in which they are measured. */
export function parts({ cuts, seeds }: Asked): Part[] {
  const each = ['--seeds', String(seeds)];
  return [
    ...cuts.map((cut) => ({ name: `online-retail@${cut}`, script: 'learning.py', args: ['online-retail', '--cut', cut, ...each], source: RETAIL })),
    // Each seed trains four models at the cut and two weeks later.
    { name: 'stability', script: 'stability.py', args: ['online-retail', ...cuts.slice(-1).flatMap((cut) => ['--cut', cut]), '--seeds', String(Math.min(seeds, 3))], source: RETAIL },
    { name: 'birth', script: 'stability.py', args: ['birth', '--seeds', String(Math.min(seeds, 3))], source: async () => [] },
    // The product's whole pipeline with each of the encoders.
    { name: 'encoders', script: 'encoders.py', args: ['online-retail', '--seeds', String(Math.min(seeds, 2))], source: RETAIL },
    { name: 'cdnow', script: 'learning.py', args: ['cdnow', ...each], source: data('cdnow_master.txt') },
    { name: 'simulated-shop', script: 'learning.py', args: ['simulated-shop', ...each], source: shop('shop') },
    { name: 'few-labels', script: 'labels.py', args: [...cuts.flatMap((cut) => ['--cut', cut]), ...each], source: RETAIL },
    { name: 'novelty', script: 'novelty.py', args: each, source: shop('strange-shop', '--anomalies', '0.15') },
    { name: 'cmapss', script: 'cmapss.py', args: [...each, '--plot', resolve(KEPT, 'cmapss-novelty.svg')], source: data('cmapss_fd001.parquet') },
    { name: 'leak-trap', script: 'leak_trap.py', args: ['--seeds', String(Math.min(seeds, 3))], source: RETAIL },
    // What anything reaches with labels, whatever it is given; and what each group of features adds to the aggregates.
    ...[['ceiling', 'models'], ['ceiling-groups', 'groups']].map(([name = '', asked = '']) => ({
      name, script: 'ceiling.py', args: [asked, ...cuts.flatMap((cut) => ['--cut', cut])], source: RETAIL,
    })),
    { name: 'recommendation', script: 'recommendation.py', args: [...cuts.flatMap((cut) => ['--cut', cut]), ...each], source: RETAIL },
  ];
}
