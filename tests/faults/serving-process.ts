import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { freePort } from '#libs/embedded';

import { clientsAt, type ServingClients, type ServingHouse } from '../contract/serving-house.js';

const MAIN = `${process.env['KINDRED_DIST'] ?? 'dist'}/apps/serving/src/main.js`;
const LOGS = '.kindred/reports';

/** A replica of serving as a process of its own. */
export interface ServingProcess extends ServingClients {
  signal(signal: NodeJS.Signals): void;
  /** -9 gives it no time for anything. */
  kill(): Promise<void>;
}

/** Starts one on what a house has, and waits until it is ready. Its clock can be stepped by SIGUSR2. */
export async function startServing(house: ServingHouse, environment: Record<string, string> = {}): Promise<ServingProcess> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`);
  mkdirSync(LOGS, { recursive: true });
  const [http, grpc] = [await freePort(), await freePort()];
  const child = spawn('node_modules/.bin/node', ['--enable-source-maps', '--import', './tests/faults/stepped-clock.mjs', MAIN], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: '.kindred/cache/compile', ...house.environment(http, grpc), LOG_LEVEL: 'info', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.pipe(createWriteStream(`${LOGS}/faults-live.log`, { flags: 'a' }));
  while (!(await isReady(`http://127.0.0.1:${http}`))) {
    if (child.exitCode !== null) throw new Error(`serving ended with ${child.exitCode}; see ${LOGS}/faults-live.log`);
    await wait(20);
  }
  const clients = clientsAt(`127.0.0.1:${grpc}`);
  return {
    ...clients,
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      clients.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then((response) => response.ok, () => false);
}
