import { access, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

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

/** One of the worker's benches, or the peer's, with so many threads; its last line is JSON. */
export async function asked<T>(script: string, args: readonly (string | number)[], threads = 1): Promise<T> {
  const python = script.startsWith('peer/') ? join(PEER, 'bin/python') : PYTHON;
  const { stdout } = await execa(python, [join('bench', script), ...args.map(String)], { cwd: WORKER, env: { OMP_NUM_THREADS: String(threads) } });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T;
}

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
