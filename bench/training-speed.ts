import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Command } from 'commander';

import { atLeast, type Benchmark, markdown, type Target, targetsTable } from './measurement.ts';
import { asked, installPeer, occupyOneCore, online } from './speed/worker.ts';

interface Rate {
  who: string;
  path: string;
  threads: number;
  /** Events a second, the median of the rounds. */
  quiet: number;
  /** The same with another core busy. */
  beside: number;
}

interface Quality {
  who: string;
  seconds: number;
  LR: number;
  LightGBM: number;
}

interface Figures {
  rates: Rate[];
  quality: Quality[];
}

type Learned = Omit<Quality, 'who'>;

const OURS = { gru: 'GRU', decayed_sum: 'decayed sums (default)' } as const;
const PATHS = {
  gru: 'packed_gru: no padding, gradients by hand; needs no compiler, so there is no other path on a CPU',
  decayed_sum: 'flat index_add, no recurrence, no padding; needs no compiler',
  peer: "torch.nn.GRU over a padded batch, the library's own data set, collation and CoLES module",
} as const;
const SHIPPED = 'lifestream 0.7, as shipped';
const FLUSHED = 'lifestream 0.7, denormals flushed';

export const benchmark: Benchmark = {
  about: 'events a second in training beside pytorch-lifestream 0.7, and what both then know (--steps N --rounds N --epochs N --only rates|quality)',
  table: (results) =>
    results
      .map((result) => {
        const { rates, quality } = result.figures as unknown as Figures;
        return [
          targetsTable([result]),
          markdown([['', 'threads', 'events/s', 'with a busy core beside', 'code path'], ...rates.map(({ who, threads, quiet, beside, path }) => [who, threads, quiet, beside, path])]),
          ...(quality.length > 0 ? [markdown([['', 'seconds of training', 'AUC, LR', 'AUC, LightGBM'], ...quality.map(({ who, seconds, LR, LightGBM }) => [who, Math.round(seconds), LR.toFixed(4), LightGBM.toFixed(4)])])] : []),
        ].join('\n\n');
      })
      .join('\n\n'),
  run: async ({ args, tell }) => {
    const { steps, rounds, epochs, only } = new Command()
      .option('--steps <n>', 'of 64 customers x 5 slices, in each measurement', Number, 40)
      .option('--rounds <n>', 'of everyone in turn; the median counts', Number, 5)
      .option('--epochs <n>', 'of the peer until it counts as converged', Number, 30)
      .option('--only <part>', 'rates or quality')
      .parse([...args], { from: 'user' })
      .opts<{ steps: number; rounds: number; epochs: number; only?: string }>();
    const source = await online();
    await installPeer(tell);
    const folder = await mkdtemp(join(tmpdir(), 'kindred-speed-'));
    try {
      tell('Online Retail II, one event a line');
      await asked('training_speed.py', ['prepare', source, folder]);
      const rates = only === 'quality' ? [] : await measureRates(folder, steps, rounds, tell);
      const quality = only === 'rates' ? [] : await measureQuality(folder, epochs, tell);
      return { figures: { rates, quality }, targets: [...rateTargets(rates), ...qualityTargets(quality)] };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Everyone in turn, round after round, so that what else goes on falls on all alike. */
async function measureRates(folder: string, steps: number, rounds: number, tell: (line: string) => void): Promise<Rate[]> {
  const ours = (encoder: keyof typeof OURS) => ({ who: OURS[encoder], path: PATHS[encoder], script: 'training_speed.py', args: ['rate', folder, '--encoder', encoder] });
  const peer = { path: PATHS.peer, script: 'peer/lifestream.py' };
  const runners = [
    ours('decayed_sum'),
    ours('gru'),
    { ...peer, who: SHIPPED, args: ['rate', folder] },
    { ...peer, who: FLUSHED, args: ['rate', folder, '--flush-denormals'] },
  ].flatMap((runner) => [1, 2].map((threads) => ({ ...runner, threads, quiet: [] as number[], beside: [] as number[] })));
  for (let round = 1; round <= rounds; round++)
    for (const runner of runners)
      for (const when of ['quiet', 'beside'] as const) {
        const release = when === 'beside' ? occupyOneCore() : () => undefined;
        const { events_per_second: rate } = await asked<{ events_per_second: number }>(
          runner.script, [...runner.args, '--threads', runner.threads, '--steps', steps], runner.threads,
        ).finally(release);
        runner[when].push(rate);
        tell(`round ${round} of ${rounds}: ${runner.who}, ${runner.threads} threads${when === 'beside' ? ', a core busy' : ''}: ${rate.toLocaleString('en')} events/s`);
      }
  return runners.map(({ who, path, threads, quiet, beside }) => ({ who, path, threads, quiet: median(quiet), beside: median(beside) }));
}

/** The product's own training; the peer after the same time, and when it has converged. */
async function measureQuality(folder: string, epochs: number, tell: (line: string) => void): Promise<Quality[]> {
  const found: Quality[] = [];
  for (const encoder of ['gru', 'decayed_sum'] as const) {
    found.push({ who: `${OURS[encoder]}, the product's training`, ...(await asked<Learned>('training_speed.py', ['learn', folder, '--encoder', encoder])) });
    tell(`${OURS[encoder]}: ${JSON.stringify(found.at(-1))}`);
  }
  const until = async (who: string, limit: readonly (string | number)[]) => {
    const embeddings = join(folder, 'embeddings.npy');
    const { seconds } = await asked<{ seconds: number }>('peer/lifestream.py', ['learn', folder, embeddings, '--flush-denormals', ...limit]);
    found.push({ who, ...(await asked<Learned>('training_speed.py', ['judge', folder, embeddings])), seconds });
    tell(`${who}: ${JSON.stringify(found.at(-1))}`);
  };
  for (const [at, name] of Object.values(OURS).entries()) await until(`lifestream 0.7, as long as ${name}`, ['--seconds', found[at]?.seconds ?? 0]);
  await until(`lifestream 0.7, ${epochs} epochs`, ['--epochs', epochs]);
  return found;
}

function rateTargets(rates: readonly Rate[]): Target[] {
  return [1, 2].flatMap((threads) => {
    const of = (who: string) => rates.find((rate) => rate.who === who && rate.threads === threads);
    const peer = Math.max(of(SHIPPED)?.quiet ?? 0, of(FLUSHED)?.quiet ?? 0);
    return Object.values(OURS).flatMap((who) => {
      const rate = of(who);
      if (rate === undefined || peer === 0) return [];
      return [
        atLeast(`${who}, ${threads} threads: events/s, times the faster of the peer's`, 3, rate.quiet / peer, 2),
        atLeast(`${who}, ${threads} threads: events/s with a core busy, of those without`, threads === 1 ? 0.75 : 0.4, rate.beside / rate.quiet, 2),
      ];
    });
  });
}

function qualityTargets(quality: readonly Quality[]): Target[] {
  const peer = Math.max(...quality.filter(({ who }) => who.startsWith('lifestream')).map(({ LR }) => LR));
  return quality.filter(({ who }) => !who.startsWith('lifestream')).map(({ who, LR }) => atLeast(`${who}: AUC (LR) less the peer's best`, 0, LR - peer, 4));
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
