import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { execa } from 'execa';

const WORKER = resolve('apps/gpu-worker');
const PYTHON = resolve('.venv/bin/python');
const PEER = resolve('.kindred/lifestream');
const REQUIREMENTS = join(WORKER, 'bench/peer/requirements.txt');

export const online = async (): Promise<string> => {
  const path = resolve('../shared/data/online_retail_II.parquet');
  await access(path).catch(() => {
    throw new Error(`${path} is not there; this benchmark needs Online Retail II.`);
  });
  return path;
};

/** One of the worker's benches, or the peer's, on one thread; its last line is JSON. */
export async function asked<T>(script: string, args: readonly (string | number)[]): Promise<T> {
  const { stdout } = await execa(pythonOf(script), [join('bench', script), ...args.map(String)], { cwd: WORKER, env: { OMP_NUM_THREADS: '1' } });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T;
}

/** A program that trains only while it is its turn (bench/turns.py of the worker); started once, so that each turn can be short. */
export class Trainer implements AsyncDisposable {
  private readonly script: string;
  private readonly child;
  private readonly lines: AsyncIterator<string>;

  constructor(script: string, args: readonly string[]) {
    this.script = script;
    const env = { OMP_NUM_THREADS: String(availableParallelism()) };
    this.child = execa(pythonOf(script), [join('bench', script), ...args], { cwd: WORKER, env, buffer: false, stderr: 'inherit', reject: false });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async isReady(): Promise<void> {
    if ((await this.line()) !== 'ready') throw new Error(`${this.script} said something else than ready`);
  }

  /** Events a second over so many seconds. */
  async rate(threads: number, seconds: number): Promise<number> {
    this.child.stdin.write(`${threads} ${seconds}\n`);
    return (JSON.parse(await this.line()) as { events_per_second: number }).events_per_second;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin.end();
    await this.child;
  }

  private async line(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.script} ended`);
    return value;
  }
}

const pythonOf = (script: string) => (script.startsWith('peer/') ? join(PEER, 'bin/python') : PYTHON);

/** pytorch-lifestream in an environment of its own, on the worker's torch and numpy: nothing of it reaches the product. */
export async function installPeer(tell: (line: string) => void): Promise<void> {
  const done = join(PEER, 'requirements.txt');
  const wanted = await readFile(REQUIREMENTS, 'utf8');
  if ((await readFile(done, 'utf8').catch(() => '')) === wanted) return;
  tell('installing pytorch-lifestream 0.7 under .kindred/lifestream');
  await execa(PYTHON, ['-m', 'venv', '--clear', PEER]);
  const python = join(PEER, 'bin/python');
  await execa(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', REQUIREMENTS], { stdio: ['ignore', 'ignore', 'inherit'] });
  const places = async (of: string) => (await execa(of, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'])).stdout.trim();
  await writeFile(join(await places(python), 'worker.pth'), `${await places(PYTHON)}\n`);
  await stat(python);
  await writeFile(done, wanted);
}

/** Keeps one core busy until it is called. */
export function occupyOneCore(): () => void {
  const child = execa(process.execPath, ['-e', 'for (;;);'], { reject: false });
  return () => void child.kill('SIGKILL');
}
