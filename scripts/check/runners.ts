import { resolve } from 'node:path';

import { command, jest, pytest, type Runner } from '../test/runner.ts';
import { migrationStamps } from './migration-stamps.ts';
import { protoCompatibility } from './proto-compatibility.ts';

const worker = { cwd: 'apps/gpu-worker' };
const program = (name: string) => resolve('.venv/bin', name);

/** Types, lint, import law and units: what is fast enough to run before every commit. */
export const checks: readonly Runner[] = [
  command('proto lint', 'buf', ['lint']),
  protoCompatibility(),
  migrationStamps(),
  command('types', 'tsc', ['-p', 'tsconfig.json']),
  command('types of the admin page', 'tsc', ['-p', 'apps/admin/tsconfig.json', '--noEmit']),
  command('lint', 'oxlint', ['--deny-warnings', 'apps', 'libs', 'scripts', 'tests', 'bench']),
  command('import law', 'depcruise', ['--config', '.dependency-cruiser.mjs', 'apps', 'libs', 'scripts', 'tests', 'bench']),
  command('python lint', program('ruff'), ['check', '.'], worker),
  command('python format', program('ruff'), ['format', '--check', '.'], worker),
  command('python types', program('pyright'), [], { ...worker, env: { PATH: `${resolve('node_modules/node/bin')}:${process.env['PATH']}` } }),
  command('python import law', program('lint-imports'), [], { ...worker, env: { PYTHONPATH: resolve('apps/gpu-worker') } }),
  jest('unit'),
  pytest(),
];
