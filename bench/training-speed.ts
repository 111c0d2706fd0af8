import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Command } from 'commander';

import { atLeast, type Benchmark, markdown, type Target, targetsTable } from './measurement.ts';
import { asked, installPeer, occupyOneCore, online, Trainer } from './speed/worker.ts';

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
const BARE = 'GRU, inputs as the peer';
const SHIPPED = 'lifestream 0.7, as shipped';
const FLUSHED = 'lifestream 0.7, denormals flushed';
const THREADS = [1, 2] as const;
const PACKED = 'packed_gru: no padding, gradients by hand; needs no compiler';
const PADDED = "torch.nn.GRU over a padded batch, the library's own data set, collation and CoLES module";
const RUNNERS = [
  { who: OURS.decayed_sum, script: 'training_speed.py', args: ['--encoder', 'decayed_sum'], path: 'flat index_add, no recurrence, no padding; needs no compiler' },
  { who: OURS.gru, script: 'training_speed.py', args: ['--encoder', 'gru'], path: `${PACKED}; gaps and tenure are inputs` },
  { who: BARE, script: 'training_speed.py', args: ['--encoder', 'gru_bare'], path: PACKED },
  { who: SHIPPED, script: 'peer/lifestream.py', args: [], path: PADDED },
  { who: FLUSHED, script: 'peer/lifestream.py', args: ['--flush-denormals'], path: PADDED },
] as const;

export const benchmark: Benchmark = {
  about: 'events a second in training beside pytorch-lifestream 0.7, and what both then know (--seconds N --rounds N --peer-seconds N --only rates|quality)',
  table: (results) =>
    results
      .map((result) => {
        const { rates, quality } = result.figures as unknown as Figures;
        return [
          targetsTable([result]),
          markdown([['', 'threads', 'events/s', 'with a busy core beside', 'code path'], ...rates.map(({ who, threads, quiet, beside, path }) => [who, threads, Math.round(quiet), Math.round(beside), path])]),
          ...(quality.length > 0 ? [markdown([['', 'seconds of training', 'AUC, LR', 'AUC, LightGBM'], ...quality.map(({ who, seconds, LR, LightGBM }) => [who, Math.round(seconds), LR.toFixed(4), LightGBM.toFixed(4)])])] : []),
        ].join('\n\n');
      })
      .join('\n\n'),
  run: async ({ args, tell }) => {
    const { seconds, rounds, peerSeconds, only } = new Command()
      .option('--seconds <n>', 'of each turn', Number, 2.5)
      .option('--rounds <n>', 'of everyone in turn; the median counts', Number, 3)
      .option('--peer-seconds <n>', "of the peer's whole training", Number, 150)
      .option('--only <part>', 'rates or quality')
      .parse([...args], { from: 'user' })
      .opts<{ seconds: number; rounds: number; peerSeconds: number; only?: string }>();
    const source = await online();
    await installPeer(tell);
    const folder = await mkdtemp(join(tmpdir(), 'kindred-speed-'));
    try {
      tell('Online Retail II, one event a line');
      await asked('training_speed.py', ['prepare', source, folder]);
      const rates = only === 'quality' ? [] : await measureRates(folder, seconds, rounds, tell);
      const quality = only === 'rates' ? [] : await measureQuality(folder, peerSeconds, tell);
      return { figures: { rates, quality }, targets: [...rateTargets(rates), ...qualityTargets(quality)] };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** Everyone in turn, round after round, so that what else goes on falls on all alike. */
async function measureRates(folder: string, seconds: number, rounds: number, tell: (line: string) => void): Promise<Rate[]> {
  await using trainers = new AsyncDisposableStack();
  const rates = new Map<string, number[]>();
  const begun = RUNNERS.map(({ who, script, args }) => ({ who, trainer: trainers.use(new Trainer(script, ['rate', folder, ...args])) }));
  await Promise.all(begun.map(({ trainer }) => trainer.isReady()));
  for (let round = 1; round <= rounds; round++)
    for (const threads of THREADS)
      for (const when of ['quiet', 'beside'] as const)
        for (const { who, trainer } of begun) {
          const release = when === 'beside' ? occupyOneCore() : () => undefined;
          const rate = await trainer.rate(threads, seconds).finally(release);
          const key = `${who}|${threads}|${when}`;
          rates.set(key, [...(rates.get(key) ?? []), rate]);
          tell(`round ${round} of ${rounds}: ${who}, ${threads} threads${when === 'beside' ? ', a core busy' : ''}: ${Math.round(rate).toLocaleString('en')} events/s`);
        }
  const of = (who: string, threads: number, when: string) => median(rates.get(`${who}|${threads}|${when}`) ?? []);
  return RUNNERS.flatMap(({ who, path }) => THREADS.map((threads) => ({ who, path, threads, quiet: of(who, threads, 'quiet'), beside: of(who, threads, 'beside') })));
}

/** The product's own training; one training of the peer, asked after the same times and at its end. */
async function measureQuality(folder: string, peerSeconds: number, tell: (line: string) => void): Promise<Quality[]> {
  const ours: Quality[] = [];
  for (const encoder of ['gru', 'decayed_sum'] as const) {
    ours.push({ who: `${OURS[encoder]}, the product's training`, ...(await asked<Learned>('training_speed.py', ['learn', folder, '--encoder', encoder])) });
    tell(`${OURS[encoder]}: ${JSON.stringify(ours.at(-1))}`);
  }
  const moments = [...ours.map((quality) => quality.seconds), peerSeconds].sort((a, b) => a - b);
  const reached = await asked<{ seconds: number; epochs: number }[]>('peer/lifestream.py', ['learn', folder, '--flush-denormals', '--seconds', ...moments]);
  const peers: Quality[] = [];
  for (const [at, { seconds, epochs }] of reached.entries()) {
    const judged = await asked<Learned>('training_speed.py', ['judge', folder, join(folder, `peer-${at}.npy`)]);
    peers.push({ who: `lifestream 0.7, ${epochs} whole epochs`, ...judged, seconds });
    tell(JSON.stringify(peers.at(-1)));
  }
  return [...ours, ...peers];
}

function rateTargets(rates: readonly Rate[]): Target[] {
  return [1, 2].flatMap((threads) => {
    const of = (who: string) => rates.find((rate) => rate.who === who && rate.threads === threads);
    const peer = Math.max(of(SHIPPED)?.quiet ?? 0, of(FLUSHED)?.quiet ?? 0);
    return [...Object.values(OURS), BARE].flatMap((who) => {
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
