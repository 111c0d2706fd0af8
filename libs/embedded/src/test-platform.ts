import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { ensureServiceLogin } from './login.js';
import { migratedCluster } from './migrated-cluster.js';
import { freePort } from './port.js';
import { type EmbeddedPostgres, startPostgres } from './postgres.js';
import { temporaryFolder, volatileFolder } from './temporary-folder.js';
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

/** Starts one; half a second. Run from the project's root. */
export async function startTestPlatform(): Promise<TestPlatform> {
  const [folder, artifacts] = [await volatileFolder('kindred-test'), await temporaryFolder('kindred-artifacts')];
  const { folder: seed, password } = await migratedCluster();
  const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), port: await freePort(), password, durable: false, seed });
  const valkey = await startValkey({ dataDir: join(folder, 'valkey'), port: await freePort(), python: resolve('.venv') }).catch(
    async (error: unknown) => {
      await postgres.stop();
      throw error;
    },
  );
  return {
    postgres,
    valkey,
    databaseUrl: await ensureServiceLogin(postgres.ownerUrl, password),
    redisUrl: valkey.url,
    artifactUrl: pathToFileURL(artifacts).href,
    close: async () => {
      // Nothing of it is kept, so Postgres goes without a checkpoint; memory that it shares it still gives back.
      postgres.kill('SIGQUIT');
      valkey.kill('SIGKILL');
      await Promise.all([postgres.ended, valkey.ended]);
      await Promise.all([folder, artifacts].map((place) => rm(place, { recursive: true, force: true })));
    },
  };
}
