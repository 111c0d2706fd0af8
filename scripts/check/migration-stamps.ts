import { readdir } from 'node:fs/promises';

import { execa } from 'execa';

import type { Runner } from '../test/runner.ts';

const MIGRATIONS = 'prisma/migrations';
/** Two that bear one stamp: they were applied before it was looked at, and change nothing of one another's. */
const TWINS: readonly string[] = ['20261127060000_member_order', '20261127060000_user_customers'];

/**
 * A stamp is one migration's alone, and a new migration's is later than all that are published or committed: databases that
 * have those apply it last, as new ones do.
 */
export function migrationStamps(): Runner {
  return {
    name: 'stamps of migrations',
    run: async () => {
      const entries = await readdir(MIGRATIONS, { withFileTypes: true });
      const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
      const known = await Promise.all(['origin/main', 'HEAD'].map(migrationsOf));
      const faults = [...twinsAmong(names), ...new Set(known.flatMap((before) => lateAmong(names, before)))];
      for (const fault of faults) process.stdout.write(`   ${fault}\n`);
      return { passed: faults.length === 0 ? 1 : 0, failed: faults.length, skipped: 0 };
    },
  };
}

/** What is wrong with names of migrations that share a stamp, or have none. */
export function twinsAmong(names: readonly string[]): string[] {
  const unstamped = names.filter((name) => !/^\d{14}_/.test(name)).map((name) => `${name} does not begin with a stamp (YYYYMMDDhhmmss_)`);
  const shared = [...Map.groupBy(names, stampOf).values()].filter((some) => some.length > 1 && !some.every((name) => TWINS.includes(name)));
  return [...unstamped, ...shared.map((some) => `${some.toSorted().join(' and ')} share a stamp`)];
}

/** What is wrong with names that are not among those before, and not later than all of them. */
export function lateAmong(names: readonly string[], before: readonly string[]): string[] {
  const newest = before.map(stampOf).toSorted().at(-1) ?? '';
  return names.filter((name) => !before.includes(name) && stampOf(name) <= newest).map((name) => `${name} is new and not later than ${newest}`);
}

const stampOf = (name: string): string => name.split('_', 1)[0] ?? '';

/** Those of a commit; none where there is no such commit. */
async function migrationsOf(ref: string): Promise<string[]> {
  const { exitCode, stdout } = await execa('git', ['ls-tree', '-d', '--name-only', `${ref}:${MIGRATIONS}`], { reject: false });
  return exitCode === 0 ? stdout.split('\n').filter(Boolean) : [];
}
