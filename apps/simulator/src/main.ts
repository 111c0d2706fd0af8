import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULTS } from './options.js';
import type { ProgressForm } from './progress.js';
import { simulate, type Simulation } from './simulate.js';

interface Flags {
  url?: string;
  writeKey?: string;
  seed: number;
  customers: number;
  months: number;
  until?: number;
  noise: number;
  anomalies: number;
  drift?: number;
  live?: number;
  skipHistory?: boolean;
  batchSize: number;
  concurrency: number;
  out?: string;
  truth?: string;
  progress: ProgressForm;
}

const program = new Command('simulate')
  .description('Plants the known behaviours of a simulated shop, through the public intake or into a file.')
  .addOption(new Option('--url <url>', 'intake to send to').conflicts('out'))
  .addOption(new Option('--write-key <key>', "the workspace's write key").env('KINDRED_WRITE_KEY'))
  .option('--seed <n>', 'the same seed makes the same shop', number, DEFAULTS.seed)
  .option('--customers <n>', 'number of customers', number, DEFAULTS.customers)
  .option('--months <n>', 'length of the history', number, DEFAULTS.months)
  .option('--until <time>', 'end of the history, ISO 8601 (default: now)', time)
  .option('--noise <share>', 'customers without a behaviour, or with two', number, DEFAULTS.noise)
  .option('--anomalies <share>', 'customers with a planted anomaly', number, DEFAULTS.anomalies)
  .option('--drift <time>', 'from when behaviours shift and a new one is born, ISO 8601', time)
  .option('--live <rate>', 'events a second after the history, until stopped: customers live on, others move in', number)
  .option('--skip-history', 'the history was sent before: go on from its end')
  .option('--batch-size <n>', 'calls in one request', number, 250)
  .option('--concurrency <n>', 'requests under way at once', number, 4)
  .option('--out <file>', 'write the calls as NDJSON instead of sending them')
  .option('--truth <file>', 'write who follows what as JSON')
  .addOption(new Option('--progress <form>', 'how to tell how far it is').choices(['text', 'json', 'none']).default('text'))
  .parse();

await run(program.opts<Flags>());

async function run({ url, writeKey, batchSize, concurrency, ...rest }: Flags): Promise<void> {
  if (url === undefined && rest.out === undefined && rest.truth === undefined)
    program.error('Give --url with --write-key, --out or --truth.');
  if (url !== undefined && writeKey === undefined) program.error('--url needs --write-key.');
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort()).once('SIGINT', () => stop.abort());
  const simulation: Simulation = { ...rest, signal: stop.signal };
  if (url !== undefined && writeKey !== undefined) simulation.destination = { url, writeKey, batchSize, concurrency };
  try {
    const done = await simulate(simulation);
    process.stdout.write(`${JSON.stringify(done)}\n`);
  } catch (error) {
    if (stop.signal.aborted) return;
    program.error(error instanceof Error ? error.message : String(error));
  }
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Not a number.');
  return value;
}

function time(text: string): number {
  const value = Date.parse(text);
  if (Number.isNaN(value)) throw new InvalidArgumentError('Not a time like 2026-01-31T12:00:00Z.');
  return value;
}
