import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { migrate } from '#libs/database';

import { copyFolder } from './copy-folder.js';
import { freePort } from './port.js';
import { type ClusterSeed, startPostgres } from './postgres.js';
import { volatileFolder } from './temporary-folder.js';

const MIGRATIONS = resolve('prisma/migrations');
const CACHE = resolve('.kindred/cache/cluster');

/**
 * A stopped cluster that has every migration, for tests to begin from: copying it takes a tenth of the time of making
 * one. Made by whoever needs it first, and anew when a migration has changed. Run from the project's root.
 */
export async function migratedCluster(): Promise<ClusterSeed> {
  const home = join(CACHE, await fingerprint());
  const password = await readFile(join(home, 'password'), 'utf8').catch(() => undefined);
  return password === undefined ? make(home) : { folder: join(home, 'cluster'), password };
}

/** Of the migrations, and of the user: another one's files cannot be read. */
async function fingerprint(): Promise<string> {
  const hash = createHash('sha256').update(`${process.getuid?.()} ${process.version}`);
  for (const name of (await readdir(MIGRATIONS)).sort()) {
    const script = await readFile(join(MIGRATIONS, name, 'migration.sql')).catch(() => '');
    hash.update(`${name} ${script.length} `).update(script);
  }
  return hash.digest('hex').slice(0, 16);
}

async function make(home: string): Promise<ClusterSeed> {
  const folder = await volatileFolder('kindred-cluster');
  const password = randomBytes(16).toString('hex');
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), port: await freePort(), password, durable: false });
  try {
    await migrate(postgres.ownerUrl, MIGRATIONS);
  } finally {
    await postgres.stop();
  }
  await mkdir(CACHE, { recursive: true });
  const draft = await mkdtemp(join(CACHE, 'draft-'));
  await copyFolder(postgres.cluster, join(draft, 'cluster'));
  await writeFile(join(draft, 'password'), password, { mode: 0o600 });
  await rm(folder, { recursive: true, force: true });
  // At its place whole or not at all: a second process may be making the same, and only the first one's stays.
  const isFirst = await rename(draft, home).then(() => true, () => false);
  if (!isFirst) await rm(draft, { recursive: true });
  return migratedCluster();
}
