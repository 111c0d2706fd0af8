import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';
import { Command } from 'commander';

import type * as spaces from '../apps/serving/src/similar/neighbour.space.ts';
import { atLeast, type Benchmark, markdown, type Recorded } from './measurement.ts';

/** Serving's own code, as it was compiled. */
const SPACE = resolve('dist/apps/serving/src/similar/neighbour.space.js');
const NEAREST = [10, 100] as const;
const ASKED = 200;
const PUT_AT_ONCE = 5_000;
const MIB = 1024 * 1024;

interface Figure {
  readonly customers: number;
  readonly width: number;
  /** Where the embeddings come from. */
  readonly of: string;
  readonly recallAt10: number;
  readonly recallAt100: number;
  readonly searchesPerSecond: number;
  readonly p99Ms: number;
  readonly exactPerSecond: number;
  readonly movesPerSecond: number;
  readonly buildSeconds: number;
  /** Of the process, grown since before: vectors, ids and index. */
  readonly memoryMib: number;
}

interface Embeddings {
  readonly of: string;
  readonly width: number;
  /** (n, width) */
  readonly vectors: Float32Array<ArrayBuffer>;
}

export const benchmark: Benchmark = {
  about: 'similar customers: recall of the index against comparing everyone, searches/s, build time and memory at 10 thousand, 100 thousand and 1 million embeddings',
  run: async ({ args, tell }) => {
    const { sizes, width, customers } = new Command()
      .option('--sizes <n,…>', 'numbers of embeddings', (value) => value.split(',').map(Number), [10_000, 100_000, 1_000_000])
      .option('--width <n>', 'numbers in an embedding', Number, 64)
      .option('--customers <file>', 'customers.parquet of a run: its embeddings instead, as many as it has')
      .parse([...args], { from: 'user' })
      .opts<{ sizes: number[]; width: number; customers?: string }>();
    const all = customers ? [await read(customers)] : [];
    const figures: Figure[] = [];
    for (const embeddings of all) figures.push(await measured(embeddings));
    if (!customers) for (const size of sizes) figures.push(await measured(clustered(size, width)));
    for (const figure of figures) tell(JSON.stringify(figure));
    const least = (pick: (figure: Figure) => number) => Math.min(...figures.map(pick));
    return {
      figures: { rows: figures },
      targets: [
        atLeast('recall@10 of the index at every size', 0.95, least(({ recallAt10 }) => recallAt10)),
        atLeast('recall@100 of the index at every size', 0.9, least(({ recallAt100 }) => recallAt100)),
      ],
    };
  },
  table: (results) => results.map(tableOf).join('\n\n'),
};

async function measured({ of, width, vectors }: Embeddings): Promise<Figure> {
  const { Space } = (await import(SPACE)) as typeof spaces;
  const size = vectors.length / width;
  const before = await residentBytes();
  const space = new Space(width, 0);
  for (let from = 0; from < size; from += PUT_AT_ONCE) {
    const upTo = Math.min(size, from + PUT_AT_ONCE);
    space.put(Array.from({ length: upTo - from }, (_, at) => `00000000-0000-7000-8000-${String(from + at).padStart(12, '0')}`), vectors.slice(from * width, upTo * width));
  }
  const asked = Array.from({ length: ASKED }, (_, at) => jittered(vectors.slice(Math.floor((at * size) / ASKED) * width, (Math.floor((at * size) / ASKED) + 1) * width), at));
  // Without an index everyone is compared.
  const pause = () => Promise.resolve();
  const search = (count: number) => async (vector: Float32Array) => (await space.nearest(vector, [1], count, pause)).groups[0]?.customerIds ?? [];
  const exact = await timed(asked, search(100));
  const begin = performance.now();
  await space.settle(pause);
  const buildSeconds = (performance.now() - begin) / 1_000;
  const memoryMib = ((await residentBytes()) - before) / MIB;
  const indexed = await timed(asked, search(10));
  const wide = await timed(asked, search(100));
  const recall = (found: readonly string[][], count: number) =>
    found.reduce((sum, customerIds, at) => {
      const right = new Set(exact.answers[at]?.slice(0, count));
      return sum + customerIds.slice(0, count).filter((id) => right.has(id)).length / Math.min(count, size);
    }, 0) / found.length;
  const moves = await timed(asked, async (vector, at) => space.put([`00000000-0000-7000-8000-${String(at).padStart(12, '0')}`], vector));
  return {
    customers: size, width, of,
    recallAt10: round(recall(indexed.answers, NEAREST[0]), 3), recallAt100: round(recall(wide.answers, NEAREST[1]), 3),
    searchesPerSecond: Math.round(indexed.perSecond), p99Ms: round(indexed.p99, 2), exactPerSecond: round(exact.perSecond, 1), movesPerSecond: Math.round(moves.perSecond),
    buildSeconds: round(buildSeconds, 1), memoryMib: Math.round(memoryMib),
  };
}

async function timed<Result>(asked: readonly Float32Array<ArrayBuffer>[], work: (vector: Float32Array<ArrayBuffer>, at: number) => Promise<Result>) {
  const taken: number[] = [];
  const answers: Result[] = [];
  for (const [at, vector] of asked.entries()) {
    const begin = performance.now();
    answers.push(await work(vector, at));
    taken.push(performance.now() - begin);
  }
  const all = taken.reduce((sum, ms) => sum + ms, 0);
  return { answers, perSecond: (taken.length * 1_000) / all, p99: taken.sort((a, b) => a - b)[Math.floor(taken.length * 0.99)] ?? Number.NaN };
}

/**
 * As the encoder's embeddings lie: some dozens of behaviours, spread unevenly over few directions that matter (their spectrum falls by
 * about a third from one to the next in what `npm start` learns), everybody between two of them.
 */
function clustered(customers: number, width: number): Embeddings {
  const random = drawing(11);
  const spread = Array.from({ length: width }, (_, at) => 0.72 ** at + 0.02);
  const centres = Array.from({ length: 48 }, () => spread.map((scale) => normal(random) * scale * 2));
  const vectors = new Float32Array(customers * width);
  for (let at = 0; at < customers; at++) {
    const [one, other] = [centres[Math.floor(random() * 48)] ?? [], centres[Math.floor(random() * 48)] ?? []];
    const share = random() ** 3;
    for (let i = 0; i < width; i++) vectors[at * width + i] = (one[i] ?? 0) * (1 - share) + (other[i] ?? 0) * share + normal(random) * (spread[i] ?? 0) * 0.4;
  }
  return { of: 'drawn around 48 behaviours', width, vectors };
}

/** Those of a run's backfill (docs/snapshot.md). */
async function read(file: string): Promise<Embeddings> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const rows = (await connection.runAndReadAll('select embedding from read_parquet($file)', { file })).getRowsJS() as [Uint8Array][];
  connection.closeSync();
  const width = (rows[0]?.[0].byteLength ?? 0) / 4;
  return { of: 'a run of the product', width, vectors: new Float32Array(Buffer.concat(rows.map(([bytes]) => bytes)).buffer.slice(0)) };
}

/** Somebody near to a customer, but nobody who is there. */
function jittered(vector: Float32Array<ArrayBuffer>, seed: number): Float32Array<ArrayBuffer> {
  const random = drawing(seed + 1);
  return vector.map((value) => value * (1 + 0.05 * normal(random)));
}

/** A small generator of our own, so that the same embeddings are drawn everywhere (mulberry32). */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

async function residentBytes(): Promise<number> {
  globalThis.gc?.();
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? process.memoryUsage.rss() / 1_024) * 1_024;
}

const round = (value: number, decimals: number) => Math.round(value * 10 ** decimals) / 10 ** decimals;

function tableOf({ figures, machine, commit }: Recorded): string {
  const rows = (figures['rows'] as Figure[]).map((f) => [
    f.customers, f.of, f.recallAt10, f.recallAt100, f.searchesPerSecond, f.p99Ms, f.exactPerSecond, f.movesPerSecond, f.buildSeconds, f.memoryMib,
  ]);
  const titles = ['embeddings', 'of', 'recall@10', 'recall@100', 'searches/s', 'p99 ms', 'comparing everyone, searches/s', 'moves/s', 'built in s', 'MiB'];
  return `${markdown([titles, ...rows])}\n\n${machine}; commit ${commit}. One thread; embeddings of ${(figures['rows'] as Figure[])[0]?.width ?? 0} numbers.`;
}
