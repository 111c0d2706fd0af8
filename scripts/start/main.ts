// `npm start`: everything Kindred needs on one machine, and its main job.
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { bringUpToDate, compile, generate } from '../build/steps.ts';
import { parseOptions, type StartOptions } from './options.ts';

const options = parseOptions(process.argv.slice(2));
const tell = (line: string) => void process.stderr.write(`${line}\n`);
const began = Date.now();
const STOPPED: unique symbol = Symbol('a signal came');

await bringUpToDate([...generate, ...compile], tell);
// What follows is compiled by the step above on a fresh clone, and so imported after it.
const { MigrationError } = await import('#libs/database');
const { EmbeddedError } = await import('#libs/embedded');
const { StartError, startSystem } = await import('./system.ts');
const { bootstrapWorkspace, doMainJob } = await import('./main-job.ts');

await start(options).catch((error: unknown) => {
  const known = error instanceof StartError || error instanceof EmbeddedError || error instanceof MigrationError;
  tell(known ? `\n${error.message}` : `\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exitCode = 1;
});
// A job that a signal interrupted may still hold a connection; everything that was started has stopped.
process.exit();

async function start({ port, data, json, live, once, ...job }: StartOptions): Promise<void> {
  const folder = resolve(data);
  const ready = join(folder, 'ready.json');
  // From before anything is started: what a signal interrupts must not stay behind.
  const stopping = new AbortController();
  const stopped = new Promise<typeof STOPPED>((done) => stopping.signal.addEventListener('abort', () => done(STOPPED)));
  // Not `once`: a terminal's Ctrl-C reaches the whole group and comes again from the bootstrap.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort(new StartError(`Stopped by ${signal} before everything was up.`)));
  tell('Starting Postgres, Valkey, the services and the worker …');
  const system = await startSystem({ port, data, tell, signal: stopping.signal });
  try {
    const { ports, secrets } = system;
    await bootstrapWorkspace(ports.accessGrpc, secrets);
    const base = `http://127.0.0.1:${ports.gateway}`;
    const where = {
      graphql: `${base}/graphql`,
      subscriptions: `${base.replace('http', 'ws')}/graphql`,
      intake: `http://127.0.0.1:${ports.intake}`,
      admin: `${base}/admin`,
      adminKey: secrets.adminKey,
      writeKey: secrets.writeKey,
      // For operators' commands, which speak to it as services do.
      access: `127.0.0.1:${ports.accessGrpc}`,
    };
    tell(`Everything is healthy after ${((Date.now() - began) / 1000).toFixed(1)} s.\n`);
    const outcome = await Promise.race([stopped, doMainJob({ ...job, live, folder, where, system, tell })]);
    if (outcome === STOPPED) return;
    // The keys are in it: for its owner alone.
    await rm(ready, { force: true });
    await writeFile(ready, `${JSON.stringify(where)}\n`, { mode: 0o600 });
    if (json) process.stdout.write(`${JSON.stringify(where)}\n`);
    tell(outcome.farewell);
    if (!once) await stopped;
  } finally {
    tell('Stopping …');
    await rm(ready, { force: true });
    await system.stop();
    tell('Stopped. Your data is kept; start again any time.');
  }
}
