import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

import { freeBase } from '../../bench/ports.ts';
import type { Outcome, Runner } from './runner.ts';

/** A shop small enough to learn in seconds and large enough to have segments. */
const SHOP = ['--customers', '600', '--seed', '1', '--live', '0'];

/**
 * Runs what speaks to a whole system against one that `npm start` itself brought up, told by KINDRED_READY, and ends
 * it as a person would. That it comes up and that it goes down cleanly are two tests of their own.
 */
export function withSystem(runners: (env: NodeJS.ProcessEnv) => readonly Runner[]): Runner {
  return {
    name: 'npm start, and on it',
    run: async () => {
      // Compiled by the time that anything is run.
      const { temporaryFolder } = await import('#libs/embedded');
      const folder = await temporaryFolder('kindred-e2e');
      const data = join(folder, 'data');
      const system = execa(process.execPath, ['scripts/start/main.ts', '--data', data, '--port', String(await freeBase()), '--json', ...SHOP], {
        // What was read is archived at once: a test does not wait for a day to pass.
        env: { ARCHIVE_SETTLE_SECONDS: '0' },
        stdin: 'ignore',
        stderr: 'inherit',
        reject: false,
        cleanup: true,
      });
      const sum: Outcome = { passed: 0, failed: 0, skipped: 0 };
      try {
        const isUp = await Promise.race([new Promise<boolean>((done) => system.stdout.once('data', () => done(true))), system.then(() => false)]);
        add(sum, verdict(isUp, 'npm start comes up and does its main job'));
        if (!isUp) return sum;
        for (const runner of runners({ KINDRED_READY: join(data, 'ready.json') })) {
          const outcome = await runner.run();
          process.stdout.write(`   ${runner.name}: ${outcome.passed} passed, ${outcome.failed} failed\n`);
          add(sum, outcome);
        }
        system.kill('SIGINT');
        const { exitCode } = await system;
        add(sum, verdict(exitCode === 0, 'Ctrl-C stops everything that was started'));
        return sum;
      } finally {
        system.kill('SIGTERM');
        await system;
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

function verdict(isGood: boolean, sentence: string): Outcome {
  process.stdout.write(`   ${isGood ? 'passed' : 'FAILED'}: ${sentence}\n`);
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}

function add(sum: Outcome, { passed, failed, skipped }: Outcome): void {
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
}
