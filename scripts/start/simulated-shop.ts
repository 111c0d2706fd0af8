import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { execa } from 'execa';

import type { Api } from './graphql.ts';
import type { Progress } from './progress.ts';
import { StartError } from './system.ts';

export interface ShopOptions {
  intake: string;
  writeKey: string;
  folder: string;
  seed: number;
  customers: number;
}

const SIMULATOR = resolve('dist/apps/simulator/src/main.js');

const flags = ({ intake, writeKey, seed, customers }: ShopOptions): string[] => [
  SIMULATOR, '--url', intake, '--write-key', writeKey, '--seed', String(seed), '--customers', String(customers),
];

const truthFile = (folder: string) => join(folder, 'simulated-shop', 'truth.json');

/** Sends the simulated shop's history through the real intake; sending it twice changes nothing. */
export async function sendHistory(options: ShopOptions, progress: Progress): Promise<void> {
  await mkdir(join(options.folder, 'simulated-shop'), { recursive: true });
  progress.begin('Sending events');
  const sending = execa(process.execPath, [...flags(options), '--truth', truthFile(options.folder), '--progress', 'json'], { reject: false, buffer: { stdout: true, stderr: false } });
  const notes: string[] = [];
  for await (const line of createInterface({ input: sending.stderr })) {
    const told = line.startsWith('{') ? (JSON.parse(line) as { done: number; total: number; rate: number; secondsLeft: number | null }) : undefined;
    if (!told) notes.push(line);
    else progress.set({ fraction: told.done / Math.max(told.total, 1), what: `${told.done.toLocaleString('en')} events`, rate: told.rate, unit: 'events', remainingSeconds: told.secondsLeft });
  }
  const { exitCode } = await sending;
  if (exitCode !== 0) throw new StartError(`The simulated shop could not be sent: ${notes.join(' ')}`);
  progress.end('committed');
}

/** What to keep running so that the shop stays open: it goes on where the history that was sent ends. */
export async function trickleCommand(options: ShopOptions, rate: number): Promise<{ command: string; args: string[] }> {
  const { until } = JSON.parse(await readFile(truthFile(options.folder), 'utf8')) as TruthFile;
  return { command: process.execPath, args: [...flags(options), '--until', until, '--skip-history', '--live', String(rate), '--progress', 'none'] };
}

export interface Agreement {
  /** Over the customers who follow one planted behaviour. */
  adjustedRand: number;
  /** Over the rest: mixtures, counted with their first behaviour, and noise. */
  othersAdjustedRand: number;
  planted: number;
  segments: number;
}

interface TruthFile {
  until: string;
  customers: { userId: string; behaviour: string | null; kind: string }[];
}

/** How far the found segments agree with the planted behaviours (adjusted Rand index). */
export async function agreement(api: Api, folder: string): Promise<Agreement> {
  const truth = JSON.parse(await readFile(truthFile(folder), 'utf8')) as TruthFile;
  const found = await everyonesSegment(api);
  const pairs = (isPlanted: boolean) =>
    truth.customers
      .filter(({ kind, userId }) => (kind === 'planted') === isPlanted && found.has(userId))
      .map(({ userId, behaviour }) => [behaviour ?? 'none', found.get(userId)]);
  const script = `import json, sys
from sklearn.metrics import adjusted_rand_score
print(json.dumps([adjusted_rand_score(*zip(*pairs)) for pairs in json.load(sys.stdin)]))`;
  const planted = pairs(true);
  const { stdout } = await execa(resolve('.venv/bin/python'), ['-c', script], { input: JSON.stringify([planted, pairs(false)]) });
  const [adjustedRand = Number.NaN, othersAdjustedRand = Number.NaN] = JSON.parse(stdout) as number[];
  return { adjustedRand, othersAdjustedRand, planted: planted.length, segments: new Set(found.values()).size };
}

async function everyonesSegment(api: Api): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let after: string | null = null;
  do {
    const { customers }: { customers: { nodes: { userId: string | null; memberships: { segment: { id: string } }[] }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } } =
      await api.ask('query($after: String) { customers(first: 100, after: $after) { nodes { userId memberships { segment { id } } } pageInfo { hasNextPage endCursor } } }', { after });
    for (const { userId, memberships } of customers.nodes) {
      const segment = memberships[0]?.segment.id;
      if (userId !== null && segment !== undefined) found.set(userId, segment);
    }
    after = customers.pageInfo.hasNextPage ? customers.pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}
