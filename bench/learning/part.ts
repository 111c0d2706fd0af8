import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { execa } from 'execa';

/** One figure of one subject, over the seeds; of a lead ("… above …") over the draws, whose differences are its `values`. */
export interface Row {
  figure: string;
  subject: string;
  mean: number;
  sd: number;
  n: number;
  values?: number[];
}

/** What a bench of the worker prints (apps/gpu-worker/bench/sheet.py). */
export interface Sheet {
  facts: Record<string, unknown>;
  rows: Row[];
}

/** As a script tells a row: the cut in it where there are several. */
interface Told extends Omit<Row, 'n'> {
  cut?: string;
  n?: number;
  seeds?: number;
}

/** One run of one of the worker's benches: what is kept, and taken up again, as a whole. */
export interface Part {
  name: string;
  /** In apps/gpu-worker/bench. */
  script: string;
  args: readonly string[];
  /** Makes what the script reads, and gives its paths: the script's last arguments. */
  source(): Promise<string[]>;
}

const WORKER = resolve('apps/gpu-worker');
/** Where what was measured lies. */
export const KEPT = join('bench', 'results', 'learning');

/** From bench/results/learning, where the same code measured the same before; else measured, and kept there. */
export async function sheetOf(part: Part, tell: (line: string) => void): Promise<Sheet> {
  const file = join(KEPT, `${part.name}.json`);
  const source = await part.source();
  const contents = await Promise.all(source.map(async (path) => createHash('sha256').update(await readFile(path)).digest('hex')));
  const key = createHash('sha256').update(JSON.stringify([await code(), part.script, part.args, contents])).digest('hex');
  const kept = await readFile(file, 'utf8').then((text) => JSON.parse(text) as { key: string; sheet: Sheet }).catch(() => undefined);
  if (kept?.key === key) {
    tell(`${part.name}: kept from before`);
    return kept.sheet;
  }
  const sheet = await measured(part, source, tell);
  await mkdir(KEPT, { recursive: true });
  await writeFile(file, `${JSON.stringify({ key, sheet })}\n`);
  return sheet;
}

async function measured(part: Part, source: readonly string[], tell: (line: string) => void): Promise<Sheet> {
  const began = performance.now();
  // One thread: what is measured must not depend on the number of cores.
  const child = execa(resolve('.venv/bin/python'), [join('bench', part.script), ...part.args, ...source], {
    cwd: WORKER,
    env: { OMP_NUM_THREADS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  createInterface({ input: child.stderr }).on('line', (line) => tell(`${part.name}: ${line}`));
  const { stdout } = await child;
  tell(`${part.name}: ${Math.round((performance.now() - began) / 1000)} s`);
  const { rows, facts = {} } = JSON.parse(stdout) as { rows: Told[]; facts?: Sheet['facts'] };
  return { facts, rows: rows.map(({ cut, subject, n, seeds, ...row }) => ({ ...row, subject: cut === undefined ? subject : `${cut}, ${subject}`, n: n ?? seeds ?? 1 })) };
}

let known: Promise<string> | undefined;

/** Names the worker's code and its benches. */
function code(): Promise<string> {
  known ??= (async () => {
    const hash = createHash('sha256');
    const files = await Promise.all(['kindred_worker', 'bench', 'tests'].map((folder) => readdir(join(WORKER, folder), { recursive: true }).then((names) => names.map((name) => join(WORKER, folder, name)))));
    for (const file of files.flat().filter((name) => name.endsWith('.py') && !name.includes('test_')).sort()) hash.update(await readFile(file));
    return hash.digest('hex');
  })();
  return known;
}
