import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { worker } from '#libs/contracts';
import { freePort } from '#libs/embedded';
import { connect, isServing } from '#libs/grpc';

const PYTHON = resolve('.venv/bin/python');
const DAY_MS = 86_400_000;
const ENVIRONMENT = { ...process.env, OMP_NUM_THREADS: '1' };

/** Without a Python environment there is no real worker to ask; `npm test` always has one. */
export const hasPython = existsSync(PYTHON);

/** The first day of the shop that `writeShopSnapshot` tells of. */
export const SHOP_OPENED = Date.UTC(2025, 0, 1);

/** The real worker in one of its roles, as a process of its own. */
export async function startWorker(role: 'train' | 'score'): Promise<{ address: string; pid: number; stop(): Promise<void> }> {
  const port = await freePort();
  const child = spawn(PYTHON, ['-m', 'kindred_worker', '--role', role, '--port', String(port), '--threads', '1'], {
    cwd: 'apps/gpu-worker',
    env: ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  mkdirSync('.kindred/reports', { recursive: true });
  const log = `.kindred/reports/${role}-worker.log`;
  child.stderr.pipe(createWriteStream(log));
  const address = `127.0.0.1:${port}`;
  while (!(await isServing(address))) {
    if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}; see ${log}`);
    await wait(100);
  }
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { address, pid: child.pid ?? 0, stop };
}

/** Writes a snapshot of a small shop into a folder and answers its URI. */
export async function writeShopSnapshot(folder: string): Promise<string> {
  await writeFile(join(folder, 'events.ndjson'), [...shopEvents()].join('\n'));
  await promisify(execFile)(PYTHON, ['tests/make_snapshot.py', 'ndjson', join(folder, 'events.ndjson'), join(folder, 'snapshot')], {
    cwd: 'apps/gpu-worker',
    env: ENVIRONMENT,
  });
  return pathToFileURL(join(folder, 'snapshot')).href;
}

/** A sealed bundle. */
export interface Learned {
  readonly uri: string;
  readonly hash: string;
}

/** Has one real worker learn a small shop with each of these encoders; the bundles lie under `folder`. */
export async function learnModels<Encoder extends string>(folder: string, encoders: readonly Encoder[]): Promise<Record<Encoder, Learned>> {
  const [snapshotUri, { address, stop }] = await Promise.all([writeShopSnapshot(folder), startWorker('train')]);
  const client = connect(worker.TrainWorkerServiceService, address);
  const learn = async (encoder: Encoder): Promise<Learned> => {
    await mkdir(join(folder, encoder));
    const uri = pathToFileURL(join(folder, encoder)).href;
    const spec = worker.TrainingSpec.fromPartial({ encoder, epochs: 2, seed: 7 });
    for await (const _ of client.train({ runId: 'run', snapshotUri, outputUri: uri, spec, championModelUri: '' }));
    const found = client.discover(worker.DiscoverRequest.fromPartial({ runId: 'run', snapshotUri, modelUri: uri, outputUri: uri, spec }));
    for await (const { event } of found) {
      const sealed = event?.$case === 'completed' ? event.value.completed?.files.find(({ path }) => path === 'bundle.json') : undefined;
      if (sealed) return { uri, hash: sealed.sha256 };
    }
    throw new Error('the bundle was not sealed');
  };
  try {
    const learned: Partial<Record<Encoder, Learned>> = {};
    for (const encoder of encoders) learned[encoder] = await learn(encoder);
    return learned as Record<Encoder, Learned>;
  } finally {
    client.close();
    await stop();
  }
}

/** Two kinds of customers over a year: those who browse and then buy every other week, and those who seldom do. */
function* shopEvents(): Generator<string> {
  for (let customer = 0; customer < 240; customer++) {
    const every = customer % 2 === 0 ? 14 : 45;
    for (let day = customer % every; day < 365; day += every) {
      const at = (hours: number) => new Date(SHOP_OPENED + day * DAY_MS + hours * 3_600_000).toISOString();
      const who = { userId: `customer ${customer}` };
      yield JSON.stringify({ type: 'page', ...who, timestamp: at(9), properties: { path: `/p/${(customer + day) % 7}` } });
      yield JSON.stringify({ type: 'track', event: 'Product Viewed', ...who, timestamp: at(9.2), properties: { price: 10 + (day % 5) } });
      if ((customer + day) % 3 > 0) {
        yield JSON.stringify({ type: 'track', event: 'Order Completed', ...who, timestamp: at(10), properties: { revenue: 20 + (day % 9) } });
      }
    }
  }
}
