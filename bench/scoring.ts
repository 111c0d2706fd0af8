import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Command } from 'commander';
import pMap from 'p-map';

import { openArtifactStore } from '#libs/artifacts';
import { worker } from '#libs/contracts';
import { temporaryFolder } from '#libs/embedded';
import { connect } from '#libs/grpc';

import type * as opener from '../apps/serving/src/onnx/live.model.opener.ts';
import type * as streams from '../apps/serving/src/scoring/score.stream.ts';
import { type Learned, learnModels, SHOP_OPENED, startWorker } from '../tests/contract/real-worker.ts';
import { atLeast, type Benchmark, markdown, type Recorded } from './measurement.ts';

/** Serving's own code, as it was compiled. */
const SERVING = resolve('dist/apps/serving/src');

type Ask = (customers: worker.CustomerScoreRequest[]) => Promise<worker.CustomerScoreResult[]>;

interface Figure {
  readonly where: string;
  readonly batch: number;
  readonly atOnce: number;
  readonly eventsPerSecond: number;
  /** Milliseconds from asking until the answer, median and 99th percentile. */
  readonly p50: number;
  readonly p99: number;
}

const DAY_MS = 86_400_000;
const DEADLINE_MS = 60_000;
const CUSTOMERS = 1_024;
const BATCHES = [1, 16, 256] as const;

export const benchmark: Benchmark = {
  about: 'events/s through the stream to the worker and in process through ONNX Runtime, in batches of several sizes, against one call after another',
  run: async ({ args, tell }) => {
    const { seconds } = new Command().option('--seconds <n>', 'of each measurement', Number, 3).parse([...args], { from: 'user' }).opts<{ seconds: number }>();
    const folder = await temporaryFolder('kindred-bench');
    try {
      tell('learning a model');
      const { decayed_sum: model } = await learnModels(folder, ['decayed_sum']);
      const figures = await measured(model, folder, seconds, tell);
      const best = (where: string) => Math.max(...figures.filter((figure) => figure.where === where).map(({ eventsPerSecond }) => eventsPerSecond));
      const single = figures.find(({ where, batch, atOnce }) => where === 'worker' && batch === 1 && atOnce === 1)?.eventsPerSecond ?? Number.NaN;
      return {
        figures: { seconds, customers: CUSTOMERS, rows: figures },
        targets: [
          atLeast('batches through the stream, times one call after another', 5, best('worker') / single, 1),
          atLeast('batches in process, times one call to the worker after another', 5, best('process') / single, 1),
        ],
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  table: (results) => results.map(tableOf).join('\n\n'),
};

async function measured(model: Learned, folder: string, seconds: number, tell: (line: string) => void): Promise<Figure[]> {
  const { openLiveModel } = (await import(join(SERVING, 'onnx/live.model.opener.js'))) as typeof opener;
  const { ScoreStream } = (await import(join(SERVING, 'scoring/score.stream.js'))) as typeof streams;
  const { address, stop } = await startWorker('score');
  const client = connect(worker.ScoreWorkerServiceService, address);
  const stream = new ScoreStream(client, { modelId: 'bench', uri: model.uri, hash: model.hash, fence: 1 });
  try {
    const live = await openLiveModel(openArtifactStore(pathToFileURL(folder).href), model.uri, model.hash);
    if (!live) throw new Error('The model that was learned has no live form.');
    const asks: Record<string, Ask> = { worker: async (customers) => (await stream.score(customers, DEADLINE_MS)).customers, process: async (customers) => (await live.score(customers)).customers };
    const known = await everyone(async (customers) => (await live.score(customers)).customers);
    const figures: Figure[] = [];
    for (const [where, ask] of Object.entries(asks)) {
      for (const [batch, atOnce] of [[1, 1], ...BATCHES.map((size) => [size, 4] as const)] as const) {
        await run(ask, known, batch, atOnce, 0.5);
        figures.push({ where, batch, atOnce, ...(await run(ask, known, batch, atOnce, seconds)) });
        tell(JSON.stringify(figures.at(-1)));
      }
    }
    return figures;
  } finally {
    stream.close();
    client.close();
    await stop();
  }
}

/** Customers with some history, each with one new event to be applied. */
async function everyone(score: Ask): Promise<worker.CustomerScoreRequest[]> {
  const event = (day: number, index: number) => ({
    name: index % 3 === 0 ? 'Order Completed' : 'Product Viewed',
    occurredAt: (SHOP_OPENED + day * DAY_MS) * 1_000,
    properties: Buffer.from(JSON.stringify({ revenue: 20 + (index % 9), price: 10, path: '/p/1' })),
  });
  const readAt = (SHOP_OPENED + 300 * DAY_MS) * 1_000;
  const first = Array.from({ length: CUSTOMERS }, (_, index) => ({
    customerId: `customer ${index}`, state: Buffer.alloc(0), readAt, events: Array.from({ length: 5 }, (__, day) => event(day * 20, index + day)),
  }));
  const states = await score(first);
  return states.map(({ customerId, state }, index) => ({ customerId, state, readAt, events: [event(200, index)] }));
}

/** The customers over and over again, in batches of which several are under way at once. */
async function run(ask: Ask, customers: readonly worker.CustomerScoreRequest[], batch: number, atOnce: number, seconds: number): Promise<Pick<Figure, 'eventsPerSecond' | 'p50' | 'p99'>> {
  const begin = performance.now();
  const taken: number[] = [];
  let events = 0;
  await pMap(
    Array.from({ length: atOnce }, (_, lane) => lane),
    async (lane) => {
      for (let at = lane * batch; performance.now() - begin < seconds * 1_000; at = (at + batch * atOnce) % customers.length) {
        const asked = performance.now();
        const { length } = await ask(customers.slice(at, at + batch));
        events += length;
        taken.push(performance.now() - asked);
      }
    },
    { concurrency: atOnce },
  );
  taken.sort((a, b) => a - b);
  const at = (share: number) => Math.round((taken[Math.floor(taken.length * share)] ?? Number.NaN) * 100) / 100;
  return { eventsPerSecond: Math.round((events * 1_000) / (performance.now() - begin)), p50: at(0.5), p99: at(0.99) };
}

function tableOf({ figures, machine, commit }: Recorded): string {
  const rows = figures['rows'] as Figure[];
  const lines = rows.map(({ where, batch, atOnce, eventsPerSecond, p50, p99 }) => [where === 'worker' ? 'worker, gRPC stream' : 'in process, ONNX Runtime', batch, atOnce, eventsPerSecond, p50, p99]);
  return `${markdown([['where', 'customers in a batch', 'batches under way', 'events/s', 'p50 ms', 'p99 ms'], ...lines])}\n\n${machine}; commit ${commit}.`;
}
