import { access, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { execa } from 'execa';

/** A rival in a process of its own. */
export interface Rival {
  readonly port: number;
  stop(): Promise<void>;
}

const POSTGRAPHILE = 'postgraphile@5.1.5';
const FOLDER = resolve('.kindred/rivals');

/** Starts a script of this folder, which prints the port it listens on. */
export async function startRival(script: string, args: readonly string[] = []): Promise<Rival> {
  const child = execa(process.execPath, ['--disable-warning=ExperimentalWarning', resolve('bench/lookup', script), ...args], {
    env: { NODE_ENV: 'production', GRAPHILE_ENV: 'production' },
    reject: false,
    stderr: 'inherit',
  });
  if (!child.stdout) throw new Error(`${script} has no output`);
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^\d+$/.test(line)) {
      const stop = async () => {
        child.kill();
        await child;
      };
      return { port: Number(line), stop };
    }
  }
  throw new Error(`${script} ended before it listened.`);
}

/**
 * Installs PostGraphile beside the project: two hundred packages that only this comparison needs. Answers its
 * folder, or undefined where it cannot be had.
 */
export async function installPostgraphile(tell: (line: string) => void): Promise<string | undefined> {
  const isThere = await access(join(FOLDER, 'node_modules', 'postgraphile')).then(() => true, () => false);
  if (isThere) return FOLDER;
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  tell(`installing ${POSTGRAPHILE} under .kindred/rivals`);
  const { exitCode, stderr } = await execa('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', POSTGRAPHILE, 'graphql@16.11.0'], { cwd: FOLDER, reject: false });
  if (exitCode === 0) return FOLDER;
  tell(`PostGraphile is left out: ${stderr.split('\n').at(-1) ?? 'it could not be installed'}`);
  return undefined;
}
