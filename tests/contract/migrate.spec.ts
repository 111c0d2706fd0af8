// The command that a deployment brings its database up to date with, on a Postgres of its own.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { execa } from 'execa';
import { Client } from 'pg';

import { type EmbeddedPostgres, freePort, startPostgres, temporaryFolder } from '#libs/embedded';

let folder: string;
let postgres: EmbeddedPostgres;

beforeAll(async () => {
  folder = await temporaryFolder('kindred-migrate');
  postgres = await startPostgres({ dataDir: join(folder, 'postgres'), port: await freePort(), password: 'of-a-test', durable: false });
});

afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

const write = async (name: string, sql: string) => {
  await mkdir(join(folder, 'prisma/migrations', name), { recursive: true });
  await writeFile(join(folder, 'prisma/migrations', name, 'migration.sql'), sql);
};
const migrate = () =>
  execa(process.execPath, [resolve('scripts/migrate/main.ts')], { cwd: folder, env: { DATABASE_URL: postgres.ownerUrl, NODE_OPTIONS: '' }, reject: false });

async function tables(): Promise<string[]> {
  const client = new Client({ connectionString: postgres.ownerUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(`select tablename as name from pg_tables where tablename in ('first', 'half', 'second') order by 1`);
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

test('a migration that fails says which and why, keeps nothing of itself, and is tried again once it is mended', async () => {
  await write('20260101000000_good', 'create table first (id int);');
  await write('20260102000000_bad', 'create table half (id int); select nonsense;');
  for (const _ of ['at first', 'and while nothing is mended']) {
    const { exitCode, stderr } = await migrate();
    expect(exitCode).toBe(1);
    expect(stderr.trim()).toBe('The migration 20260102000000_bad failed: column "nonsense" does not exist. Nothing of it was kept; once its cause is mended, start again.');
    expect(await tables()).toEqual(['first']);
  }
  await write('20260102000000_bad', 'create table second (id int);');
  const mended = await migrate();
  expect(mended.stdout).toBe('2 migrations, 1 applied now: 20260102000000_bad');
  expect(await tables()).toEqual(['first', 'second']);
});
