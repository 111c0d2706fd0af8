import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { migrate } from '#libs/database';

import { ensureServiceLogin } from './login.js';
import { freePort } from './port.js';
import { type EmbeddedPostgres, startPostgres } from './postgres.js';
import { temporaryFolder } from './temporary-folder.js';
import { type EmbeddedValkey, startValkey } from './valkey.js';

/** Real parts for tests: a migrated Postgres, a Valkey, a folder of artefacts, all of their own and gone afterwards. */
export interface TestPlatform {
  readonly postgres: EmbeddedPostgres;
  readonly valkey: EmbeddedValkey;
  /** What a service's DATABASE_URL is. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly artifactUrl: string;
  close(): Promise<void>;
}

/** Starts one; about two seconds. Run from the project's root. */
export async function startTestPlatform(): Promise<TestPlatform> {
  const folder = await temporaryFolder('kindred-test');
  const password = randomBytes(16).toString('hex');
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), port: await freePort(), password, durable: false });
  const valkey = await startValkey({ dataDir: join(folder, 'valkey'), port: await freePort(), python: resolve('.venv') }).catch(
    async (error: unknown) => {
      await postgres.stop();
      throw error;
    },
  );
  await migrate(postgres.ownerUrl, resolve('prisma/migrations'));
  return {
    postgres,
    valkey,
    databaseUrl: await ensureServiceLogin(postgres.ownerUrl, password),
    redisUrl: valkey.url,
    artifactUrl: pathToFileURL(join(folder, 'artifacts')).href,
    close: async () => {
      await Promise.all([postgres.stop(), valkey.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
