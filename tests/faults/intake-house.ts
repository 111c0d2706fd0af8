import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { Client } from 'pg';

import { PrincipalSigner } from '#libs/auth';
import { access } from '#libs/contracts';
import { EmbeddedError, type EmbeddedPostgres, type EmbeddedValkey, ensureServiceLogin, freePort, migratedCluster, startPostgres, startValkey, temporaryFolder, volatileFolder } from '#libs/embedded';

import { type AccessStandIn, startAccessStandIn } from '../../apps/ingestion/src/testing/access-stand-in.js';

const MAIN = `${process.env['KINDRED_DIST'] ?? 'dist'}/apps/ingestion/src/main.js`;
/** As much as `npm start` gives it. */
const HEAP = '--max-old-space-size=768';
const SECRET = 'a secret that only these tests know of';
const LOGS = '.kindred/reports';

export const WORKSPACE = '018f0000-0000-7000-8000-000000000001';
export const WRITE_KEY = 'kw_faults';

/** `npm run faults` sets it; `npm test` runs the same with fewer rounds. */
export const isLong = process.env['KINDRED_FAULTS'] === 'long';

/** A process of ingestion, always at the same address. */
export interface IngestionProcess {
  readonly pid: number;
  readonly url: string;
  readonly grpc: string;
  signal(signal: NodeJS.Signals): void;
  /** -9 gives it no time for anything. */
  kill(): Promise<void>;
  hasEnded(): boolean;
  residentMiB(): Promise<number>;
}

/** Ingestion as processes of its own on a Postgres that keeps its promises: a commit is on disk before it is told. */
export class IntakeHouse {
  private readonly signer = new PrincipalSigner(SECRET);
  private readonly processes: ChildProcess[] = [];

  private constructor(
    /** Folder of the artefact store. */
    readonly artifacts: string,
    private readonly cluster: Parameters<typeof startPostgres>[0],
    private postgres: EmbeddedPostgres,
    private readonly valkey: EmbeddedValkey,
    private readonly databaseUrl: string,
    private readonly access: AccessStandIn,
  ) {}

  static async open(): Promise<IntakeHouse> {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`);
    mkdirSync(LOGS, { recursive: true });
    const [folder, artifacts, port, { folder: seed, password }] = await Promise.all([
      volatileFolder('kindred-intake'), temporaryFolder('kindred-intake'), freePort(), migratedCluster(),
    ]);
    const cluster = { dataDir: join(folder, 'postgres'), port, password };
    const postgres = await startPostgres({ ...cluster, seed });
    const valkey = await startValkey({ dataDir: join(folder, 'valkey'), port: await freePort(), python: resolve('.venv') });
    const databaseUrl = await ensureServiceLogin(postgres.ownerUrl, SECRET);
    const keys = await startAccessStandIn([{ key: WRITE_KEY, workspaceId: WORKSPACE, role: access.Role.INTAKE }]);
    return new IntakeHouse(artifacts, cluster, postgres, valkey, databaseUrl, keys);
  }

  /** Starts a process and waits until it is ready. Given one that ended, the new one takes its place. */
  async start(former?: IngestionProcess, environment: Record<string, string> = {}): Promise<IngestionProcess> {
    const url = former?.url ?? `http://127.0.0.1:${await freePort()}`;
    const grpc = former?.grpc ?? `127.0.0.1:${await freePort()}`;
    const child = spawn('node_modules/.bin/node', ['--enable-source-maps', HEAP, MAIN], {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: '.kindred/cache/compile',
        HTTP_PORT: new URL(url).port,
        GRPC_PORT: grpc.slice(grpc.indexOf(':') + 1),
        PRINCIPAL_SECRET: SECRET,
        DATABASE_URL: this.databaseUrl,
        REDIS_URL: this.valkey.url,
        ARTIFACT_URL: pathToFileURL(this.artifacts).href,
        ACCESS_ADDRESS: this.access.address,
        // Asked only where a person is erased.
        SERVING_ADDRESS: '127.0.0.1:1',
        TRAINING_ADDRESS: '127.0.0.1:1',
        // Short, so that a test can wait for a stalled client to be let go.
        INTAKE_BODY_SECONDS: '2',
        LOG_LEVEL: 'info',
        ...environment,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.pipe(createWriteStream(`${LOGS}/faults-intake.log`, { flags: 'a' }));
    this.processes.push(child);
    const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
    while (!(await isReady(url))) {
      if (hasEnded()) throw new Error(`ingestion ended with ${child.exitCode ?? child.signalCode}; see ${LOGS}/faults-intake.log`);
      await wait(20);
    }
    return {
      pid: child.pid ?? 0,
      url,
      grpc,
      hasEnded,
      signal: (signal) => void child.kill(signal),
      kill: async () => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
      residentMiB: async () => Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    };
  }

  async killPostgres(): Promise<void> {
    this.postgres.kill('SIGKILL');
    await this.postgres.ended;
  }

  /** The same cluster again; it is refused for as long as children of the one that was killed still run. */
  async startPostgres(): Promise<void> {
    const restarted = await startPostgres(this.cluster).catch((error: unknown) => {
      if (!(error instanceof EmbeddedError)) throw error;
      return undefined;
    });
    if (restarted) this.postgres = restarted;
    else await this.startPostgres();
  }

  /** Rows as the owner sees them. */
  async rows<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    const client = new Client({ connectionString: this.postgres.ownerUrl });
    await client.connect();
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** As the owner, for a test that holds something. */
  async connection(): Promise<Client> {
    const client = new Client({ connectionString: this.postgres.ownerUrl });
    await client.connect();
    return client;
  }

  async principal(): Promise<string> {
    return this.signer.sign({ workspaceId: WORKSPACE, actor: 'key:test', role: 'ADMIN' });
  }

  /** Of another service, for what no key may ask. */
  async servicePrincipal(): Promise<string> {
    return this.signer.service('training', WORKSPACE);
  }

  async close(): Promise<void> {
    for (const child of this.processes) child.kill('SIGKILL');
    this.access.close();
    await Promise.all([this.postgres.stop(), this.valkey.stop()]);
    await Promise.all([dirname(this.cluster.dataDir), this.artifacts].map((place) => rm(place, { recursive: true, force: true })));
  }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then((response) => response.ok, () => false);
}
