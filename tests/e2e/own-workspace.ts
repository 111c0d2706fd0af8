import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';

import { execa } from 'execa';

import { readyFile } from './ready.ts';

export interface OwnWorkspace {
  readonly slug: string;
  readonly adminKey: string;
  readonly writeKey: string;
}

/** The command that makes workspaces, against the system under test. */
export const makeWorkspace = (...args: string[]) =>
  execa(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/workspace/main.ts', ...args, '--data', dirname(readyFile)], {
    env: { ...process.env, NODE_OPTIONS: '', ACCESS_ADDRESS: '', PRINCIPAL_SECRET: '' },
    reject: false,
  });

/** A workspace of its own, for a test whose events would be in the way of others. */
export async function ownWorkspace(): Promise<OwnWorkspace> {
  const { stdout, stderr } = await makeWorkspace('--slug', `own-${randomUUID()}`, '--name', 'A shop');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as OwnWorkspace;
}
