import { Command, InvalidArgumentError } from 'commander';

export interface StartOptions {
  demo: boolean;
  import?: string;
  mapping?: string;
  port: number;
  json: boolean;
  data: string;
  seed: number;
  customers: number;
  live: number;
  /** Stop once ready (installers and benchmarks); off for people. */
  once: boolean;
}

const MAX_BASE = 32_767 - 30;

function integer(minimum: number, maximum: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
  };
}

export function parseOptions(argv: readonly string[]): StartOptions {
  const command = new Command('npm start --')
    .description('Starts Kindred: embedded Postgres and Valkey, every service, the worker, and the main job on first use.')
    .option('--import <file>', 'learn from your own CSV, Parquet or NDJSON file instead of the simulated shop')
    .option('--mapping <file>', 'what the columns mean (docs/api/mapping.md); guessed and shown when absent')
    .option('--no-demo', 'start empty')
    .option('--port <n>', 'first of the ports used; the gateway listens on it', integer(1024, MAX_BASE), 4000)
    .option('--data <dir>', 'where everything is kept', '.kindred')
    .option('--json', 'print the line of ready.json on stdout once ready', false)
    .option('--seed <n>', 'of the simulated shop', integer(0, 2 ** 31), 1)
    .option('--customers <n>', 'of the simulated shop', integer(50, 10_000_000), 2000)
    .option('--live <events>', 'simulated live events per second after the main job, 0 for none', Number, 2)
    .option('--once', 'stop when the main job is done', false)
    .addHelpText('after', '\nDATABASE_URL, REDIS_URL and ARTIFACT_URL replace the embedded parts.');
  command.parse(argv, { from: 'user' });
  return command.opts<StartOptions>();
}
