import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

export interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
}

/** Something that checks: a compiler counts as one test, a test runner as as many as it ran. */
export interface Runner {
  readonly name: string;
  run(): Promise<Outcome>;
}

const REPORTS = join('.kindred', 'reports');

/** A command whose exit status is its verdict. */
export function command(name: string, file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Runner {
  return {
    name,
    run: async () => {
      const { exitCode } = await execa(file, args, { ...options, stdout: 'inherit', stderr: 'inherit', stdin: 'ignore', reject: false });
      return exitCode === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
    },
  };
}

/** One of jest's projects (jest.config.mjs), or those of its files whose paths begin so. */
export function jest(project: string, env: NodeJS.ProcessEnv = {}, files: readonly string[] = []): Runner {
  return {
    name: `jest ${project}`,
    run: async () => {
      await mkdir(REPORTS, { recursive: true });
      const report = join(REPORTS, `jest-${project}.json`);
      // Forced to exit: a client library's idle timer must not hold up a run whose tests are done.
      const workers = project === 'unit' ? ['--maxWorkers=2'] : ['--runInBand'];
      const { exitCode } = await execa(
        'jest',
        ['--selectProjects', project, '--json', `--outputFile=${report}`, '--forceExit', ...(files.length > 0 ? files : ['--passWithNoTests']), ...workers],
        { env: { NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning', ...env }, stdout: 'ignore', stderr: 'inherit', stdin: 'ignore', reject: false },
      );
      const result = JSON.parse(await readFile(report, 'utf8')) as {
        numPassedTests: number;
        numFailedTests: number;
        numPendingTests: number;
        numRuntimeErrorTestSuites: number;
      };
      const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
      return { passed: result.numPassedTests, failed: exitCode === 0 ? failed : Math.max(failed, 1), skipped: result.numPendingTests };
    },
  };
}

export function pytest(): Runner {
  return {
    name: 'pytest',
    run: async () => {
      await mkdir(REPORTS, { recursive: true });
      const report = join(process.cwd(), REPORTS, 'pytest.xml');
      // A file stays whole, so that what its tests share is trained once.
      const workers = ['-n', '2', '--dist', 'loadfile'];
      const { exitCode } = await execa(join(process.cwd(), '.venv/bin/python'), ['-m', 'pytest', '-q', ...workers, `--junitxml=${report}`], {
        cwd: 'apps/gpu-worker',
        env: { OMP_NUM_THREADS: '1' },
        stdout: 'inherit',
        stderr: 'inherit',
        stdin: 'ignore',
        reject: false,
      });
      const suite = /<testsuite [^>]*>/.exec(await readFile(report, 'utf8'))?.[0] ?? '';
      const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
      const failed = count('failures') + count('errors');
      return { passed: count('tests') - failed - count('skipped'), failed: exitCode === 0 ? failed : Math.max(failed, 1), skipped: count('skipped') };
    },
  };
}

/** Runs all, whatever fails, tells each one's outcome and time, and ends with the sum as the last line. */
export async function runAll(runners: readonly Runner[]): Promise<never> {
  const sum: Outcome = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const runner of runners) {
    process.stdout.write(`\n── ${runner.name}\n`);
    const began = Date.now();
    const { passed, failed, skipped } = await runner.run().catch((error: unknown) => {
      process.stdout.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      return { passed: 0, failed: 1, skipped: 0 };
    });
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
    lines.push(`${runner.name.padEnd(28)} ${String(passed).padStart(4)} passed ${String(failed).padStart(3)} failed ${String(skipped).padStart(3)} skipped ${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s`);
  }
  const skipped = sum.skipped > 0 ? `${sum.skipped} skipped, for the reasons that are told above\n` : '';
  process.stdout.write(`\n${lines.join('\n')}\n\n${skipped}${sum.passed} passed, ${sum.failed} failed\n`);
  process.exit(sum.failed > 0 ? 1 : 0);
}
