import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { Client } from 'pg';

// Node has it; the type library that declares it is the browser's.
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

/** Any number, the same in every process: one migration at a time per database. */
const ADVISORY_LOCK = 7_146_303;

export interface MigrationReport {
  /** Names applied by this call, in order. */
  readonly applied: readonly string[];
  /** Migrations there are. */
  readonly total: number;
}

/** A migration that Postgres refused. Nothing of it was kept, and it is tried again by the next call. */
export class MigrationError extends Error {}

/**
 * Applies the folder of migrations as `prisma migrate deploy` does (same engine, same history table), from
 * WebAssembly, so that nothing has to be downloaded. Replicas that start at once wait for one another.
 */
export async function migrate(ownerUrl: string, folder: string): Promise<MigrationReport> {
  const lock = new Client({ connectionString: ownerUrl });
  await lock.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
    const migrations = await readMigrations(folder);
    const scripts = new WholeScripts(ownerUrl);
    const engine = await startEngine(scripts);
    try {
      for (const migrationName of await unfinished(lock)) await engine.markMigrationRolledBack({ migrationName });
      const { appliedMigrationNames } = await engine.applyMigrations({
        migrationsList: {
          baseDir: folder,
          lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"' },
          shadowDbInitScript: '',
          migrationDirectories: migrations,
        },
        filters: { externalTables: [], externalEnums: [] },
      });
      return { applied: appliedMigrationNames, total: migrations.length };
    } catch (error) {
      // The engine names the migration, and has for what Postgres said a number only.
      const name = /migration_name="([^"]+)"/.exec((error as Error).message)?.[1];
      const refusal = scripts.refusals.at(-1);
      if (name === undefined || !refusal) throw error;
      throw new MigrationError(`The migration ${name} failed: ${refusal.message}. Nothing of it was kept; once its cause is mended, start again.`, { cause: refusal });
    } finally {
      engine.free();
      await scripts.close();
    }
  } finally {
    await lock.end();
  }
}

/** Migrations that were begun and never ended. Each is one transaction, so nothing of them is there. */
async function unfinished(client: Client): Promise<string[]> {
  const { rows: [history] } = await client.query<{ exists: boolean }>(`select to_regclass('_prisma_migrations') is not null as exists`);
  if (!history?.exists) return [];
  const { rows } = await client.query<{ name: string }>(
    'select distinct migration_name as name from _prisma_migrations where finished_at is null and rolled_back_at is null',
  );
  return rows.map(({ name }) => name);
}

async function readMigrations(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (path) => ({
      path,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readFile(join(folder, path, 'migration.sql'), 'utf8') },
      },
    })),
  );
}

/**
 * The adapter cuts a script at every semicolon, also inside a function's body or a comment. Postgres takes
 * the whole script in one message, and as one transaction.
 */
class WholeScripts extends PrismaPg {
  /** What Postgres refused. */
  readonly refusals: Error[] = [];
  private readonly adapters: { dispose(): Promise<void> }[] = [];

  constructor(url: string) {
    super({ connectionString: url });
  }

  /** The engine leaves its connections open: they would keep the process alive for as long as they may idle. */
  async close(): Promise<void> {
    await Promise.all(this.adapters.map((adapter) => adapter.dispose()));
  }

  override async connect() {
    const adapter = await super.connect();
    this.adapters.push(adapter);
    const client = adapter.underlyingDriver();
    adapter.executeScript = async (script) => {
      await client.query(script).catch((error: Error) => {
        this.refusals.push(error);
        throw error;
      });
    };
    return adapter;
  }
}

async function startEngine(scripts: WholeScripts) {
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const file = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm').replace(/schema_engine\.js$/, 'schema_engine_bg.wasm');
  const { instance } = await WebAssembly.instantiate(await readFile(file), { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as () => void)();
  const factory = bindMigrationAwareSqlAdapterFactory(scripts);
  return bindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, factory as never);
}
