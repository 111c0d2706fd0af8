import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { startSystem, StartError, type System } from '../scripts/start/system.ts';
import { freeBase } from './ports.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * The whole system in a folder, to be measured. A signal that ends the measurement ends all of it as well, and removes the folder: the
 * services are in groups of their own, where a signal to the measurement does not reach them.
 */
export async function startMeasured(folder: string, tell: (line: string) => void): Promise<System> {
  const starting = new AbortController();
  const started = startSystem({ port: await freeBase(), data: join(folder, 'data'), tell, signal: starting.signal });
  const end = async () => {
    starting.abort(new StartError('The measurement was ended by a signal.'));
    await started.then((system) => system.stop()).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
    process.exit(130);
  };
  const onSignal = () => void end();
  for (const signal of SIGNALS) process.once(signal, onSignal);
  const system = await started;
  const stop = async () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    await system.stop();
  };
  return { ...system, stop };
}
