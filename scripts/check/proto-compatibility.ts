import { execa } from 'execa';

import { command, type Runner } from '../test/runner.ts';

const CONTRACT = 'libs/contracts/proto';

/**
 * What services promised one another is still kept: against what is published, else what is committed, else the newest
 * version, whichever of them has another contract than the one at hand. Where none has, there is nothing that could be
 * broken, and it is said so rather than passed.
 */
export function protoCompatibility(): Runner {
  return {
    name: 'proto compatibility',
    run: async () => {
      const promises = ['origin/main', 'HEAD', await newestVersion()].filter((ref) => ref !== undefined);
      for (const ref of promises) {
        if (!(await differsFrom(ref))) continue;
        process.stdout.write(`   compared with the contract of ${ref}\n`);
        return command('proto compatibility', 'buf', ['breaking', '--against', `.git#ref=${ref}`]).run();
      }
      process.stdout.write(`   skipped: ${CONTRACT} is as it was published, and no version is tagged that had another: there is nothing to compare with\n`);
      return { passed: 0, failed: 0, skipped: 1 };
    },
  };
}

/** True if there is such a commit and its contract is another one than in the working tree. */
async function differsFrom(ref: string): Promise<boolean> {
  const { exitCode } = await execa('git', ['diff', '--quiet', ref, '--', CONTRACT], { reject: false });
  return exitCode === 1;
}

/** Tag of the newest version before this commit. */
async function newestVersion(): Promise<string | undefined> {
  const { exitCode, stdout } = await execa('git', ['describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*'], { reject: false });
  return exitCode === 0 ? stdout.trim() : undefined;
}
