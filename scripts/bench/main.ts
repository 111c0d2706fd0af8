// `npm run bench -- NAME`: sets up what it needs, shows progress on stderr, and prints one JSON line.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';

import { execa } from 'execa';

import type { Benchmark } from '../../bench/measurement.ts';
import { bringUpToDate, compile, generate } from '../build/steps.ts';
import { writeTables } from './tables.ts';

const tell = (line: string) => void process.stderr.write(`${line}\n`);
const [name, ...args] = process.argv.slice(2);
const benchmarks = await named();

if (name === 'tables') {
  await writeTables(benchmarks);
  process.exit(0);
}
if (name === undefined || !benchmarks.includes(name)) {
  tell(`npm run bench -- NAME, with NAME one of: ${benchmarks.join(', ')}; or tables, which makes those of docs/measurements.md from what was measured`);
  process.exit(1);
}
await bringUpToDate([...generate, ...compile], tell);
const { benchmark } = (await import(resolve('bench', `${name}.ts`))) as { benchmark: Benchmark };
const { figures, targets } = await benchmark.run({ args, tell });
const line = JSON.stringify({ name, commit: await commit(), machine: machine(), figures, targets });
await mkdir(join('bench', 'results'), { recursive: true });
await writeFile(join('bench', 'results', `${[name, ...args].join('-').replaceAll(/[^\w.-]+/g, '')}.json`), `${line}\n`);
for (const { what, target, measured, met } of targets) tell(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured} (${target})`);
process.stdout.write(`${line}\n`);
process.exit(0);

/** Files that are measurements: each exports `benchmark`. */
async function named(): Promise<string[]> {
  const parts = new Set(['measurement', 'memory', 'ports', 'system']);
  return (await readdir('bench')).filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts')).map((file) => file.slice(0, -3)).filter((file) => !parts.has(file)).sort();
}

async function commit(): Promise<string> {
  const { stdout } = await execa('git', ['describe', '--always', '--dirty', '--abbrev=12'], { reject: false });
  return stdout.trim() || 'unknown';
}

function machine(): string {
  return `${cpus()[0]?.model.trim() ?? process.arch}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
}
