import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

const STAMPS = join('.kindred', 'stamps');
const PRISMA_OFFLINE = { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', PRISMA_HIDE_UPDATE_MESSAGE: '1' };

/** A piece of generated or compiled code: what it is made of, what it makes, and the command. */
interface Step {
  readonly name: string;
  readonly sources: readonly string[];
  readonly output: string;
  readonly run: () => Promise<unknown>;
}

const python = join('.venv', 'bin', 'python');

export const generate: readonly Step[] = [
  {
    name: 'messages',
    sources: ['libs/contracts/proto', 'buf.gen.yaml', 'package-lock.json'],
    output: 'libs/contracts/src/gen',
    run: () => execa('buf', ['generate']),
  },
  {
    name: 'database-client',
    sources: ['prisma/schema', 'package-lock.json'],
    output: 'libs/database/src/gen',
    // `generate` would ask for an engine to download and needs none; `migrate` is never run so.
    run: () => execa('prisma', ['generate'], { env: PRISMA_OFFLINE }),
  },
  {
    name: 'worker-messages',
    sources: ['libs/contracts/proto', 'apps/gpu-worker/gen.py', 'apps/gpu-worker/requirements.lock'],
    output: 'apps/gpu-worker/kindred_worker/gen',
    run: () => execa(python, ['apps/gpu-worker/gen.py']),
  },
  {
    name: 'graphql-types',
    sources: ['apps/gateway/schema', 'apps/gateway/codegen.ts', 'package-lock.json'],
    output: 'apps/gateway/src/gen',
    run: () => execa('graphql-codegen', ['--config', 'apps/gateway/codegen.ts']),
  },
  {
    name: 'admin-types',
    sources: ['apps/gateway/schema', 'apps/admin/operations', 'apps/admin/codegen.ts', 'package-lock.json'],
    output: 'apps/admin/src/gen',
    run: () => execa('graphql-codegen', ['--config', 'apps/admin/codegen.ts']),
  },
];

export const compile: readonly Step[] = [
  {
    name: 'services',
    sources: ['apps/access/src', 'apps/gateway/src', 'apps/ingestion/src', 'apps/serving/src', 'apps/simulator/src', 'apps/training/src', 'apps/gateway/schema', 'libs', 'prisma/schema', '.swcrc'],
    output: 'dist',
    run: async () => {
      await rm('dist', { recursive: true, force: true });
      await execa('swc', [
        'apps/access', 'apps/gateway', 'apps/ingestion', 'apps/serving', 'apps/simulator', 'apps/training', 'libs',
        '--out-dir', 'dist', '--ignore', '**/*.spec.ts', '--quiet',
      ]);
    },
  },
  {
    name: 'admin',
    sources: ['apps/admin/src', 'apps/admin/operations', 'apps/admin/public', 'apps/admin/index.html', 'apps/admin/vite.config.ts', 'package-lock.json'],
    output: 'apps/admin/dist',
    run: () => execa('vite', ['build', 'apps/admin', '--logLevel', 'warn']),
  },
];

/** Runs the steps whose sources changed since they last succeeded, in order. */
export async function bringUpToDate(steps: readonly Step[], report: (line: string) => void): Promise<void> {
  for (const step of steps) {
    const digest = await digestOf(step.sources);
    const stamp = join(STAMPS, step.name);
    const known = await readFile(stamp, 'utf8').catch(() => '');
    const isThere = await stat(step.output).then(() => true, () => false);
    if (isThere && known === digest) continue;
    const began = Date.now();
    await step.run();
    await mkdir(STAMPS, { recursive: true });
    await writeFile(stamp, digest);
    report(`${step.name} made in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
}

/** Over names, sizes and times of all files below: cheap, and enough to notice an edit. */
async function digestOf(sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) {
    const found = await stat(source).catch(() => undefined);
    if (!found) continue;
    const files = found.isDirectory()
      ? (await readdir(source, { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile() && !entry.parentPath.includes(`${join('src', 'gen')}`))
          .map((entry) => join(entry.parentPath, entry.name))
      : [source];
    for (const file of files.sort()) {
      const { size, mtimeMs } = await stat(file);
      hash.update(`${file} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}
