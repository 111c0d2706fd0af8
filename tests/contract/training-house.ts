import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Redis } from 'ioredis';
import { Client } from 'pg';

import { PrincipalSigner } from '#libs/auth';
import { dataProfile, label, training, worker } from '#libs/contracts';
import { freePort, startTestPlatform, type TestPlatform } from '#libs/embedded';
import { type Call, connect, isServing, type RpcClient, RpcError } from '#libs/grpc';

import { FakeIngestion, FakeServing } from './fake-peers.js';
import { FakeWorker } from './fake-worker.js';

const MAIN = `${process.env['KINDRED_DIST'] ?? 'dist'}/apps/training/src/main.js`;
const SECRET = 'a secret that only these tests know of';
const LOGS = '.kindred/reports';
const LAST_CHARACTERS = 2_000;

/** A process of the training service. */
export interface TrainingProcess {
  /** `host:port` of its gRPC. */
  readonly address: string;
  readonly runs: RpcClient<typeof training.RunServiceService>;
  readonly models: RpcClient<typeof training.ModelServiceService>;
  readonly profiles: RpcClient<typeof dataProfile.DataProfileServiceService>;
  readonly labels: RpcClient<typeof label.LabelServiceService>;
  readonly heads: RpcClient<typeof label.HeadServiceService>;
  /** -9 gives it no time for anything. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** The training service as processes of its own, real Postgres and Valkey under it, fakes around it. */
export class TrainingHouse {
  private readonly signer = new PrincipalSigner(SECRET);
  private readonly processes: ChildProcess[] = [];
  private readonly clients: { close(): void }[] = [];

  private constructor(
    readonly platform: TestPlatform,
    readonly worker: FakeWorker,
    readonly ingestion: FakeIngestion,
    readonly serving: FakeServing,
    private readonly name: string,
    private readonly database: Client,
    readonly redis: Redis,
  ) {}

  static async open(name: string): Promise<TrainingHouse> {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`);
    mkdirSync(LOGS, { recursive: true });
    const platform = await startTestPlatform();
    const database = new Client({ connectionString: platform.postgres.ownerUrl });
    database.on('error', () => undefined);
    await database.connect();
    const redis = new Redis(platform.redisUrl, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    const fakes = [new FakeWorker().start(), new FakeIngestion().start(), new FakeServing().start()] as const;
    return new TrainingHouse(platform, await fakes[0], await fakes[1], await fakes[2], name, database, redis);
  }

  /** Starts a process and waits until it serves. */
  async start(environment: Record<string, string> = {}): Promise<TrainingProcess> {
    const [http, grpc] = [await freePort(), await freePort()];
    const address = `127.0.0.1:${grpc}`;
    const child = spawn('node_modules/.bin/node', ['--enable-source-maps', MAIN], {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: '.kindred/cache/compile',
        HTTP_PORT: String(http),
        GRPC_PORT: String(grpc),
        PRINCIPAL_SECRET: SECRET,
        DATABASE_URL: this.platform.databaseUrl,
        REDIS_URL: this.platform.redisUrl,
        ARTIFACT_URL: this.platform.artifactUrl,
        INGESTION_ADDRESS: this.ingestion.server.address,
        SERVING_ADDRESS: this.serving.server.address,
        WORKER_TRAIN_ADDRESS: this.worker.address,
        LOG_LEVEL: 'debug',
        ...environment,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let last = '';
    child.stderr.on('data', (chunk: Buffer) => (last = `${last}${chunk.toString()}`.slice(-LAST_CHARACTERS)));
    child.stderr.pipe(createWriteStream(`${LOGS}/${this.name}.log`, { flags: 'a' }));
    this.processes.push(child);
    while (!(await isServing(address))) {
      if (child.exitCode !== null) throw new Error(`training ended with ${child.exitCode}, having said last:\n${last}`);
      await wait(50);
    }
    const runs = connect(training.RunServiceService, address);
    const models = connect(training.ModelServiceService, address);
    const profiles = connect(dataProfile.DataProfileServiceService, address);
    const labels = connect(label.LabelServiceService, address);
    const heads = connect(label.HeadServiceService, address);
    this.clients.push(runs, models, profiles, labels, heads);
    return {
      address,
      runs,
      models,
      profiles,
      labels,
      heads,
      signal: (signal) => void child.kill(signal),
      kill: async (signal = 'SIGKILL') => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill(signal);
        await ended;
      },
    };
  }

  /** A new workspace, and what its editor's calls carry. */
  async workspace(): Promise<{ workspaceId: string; call: Call }> {
    const workspaceId = randomUUID();
    return { workspaceId, call: { principal: await this.signer.sign({ workspaceId, actor: 'key:test', role: 'EDITOR' }) } };
  }

  /** What another service's calls carry. */
  asService(workspaceId: string): Promise<string> {
    return this.signer.service('ingestion', workspaceId);
  }

  /** Rows as the owner sees them, over all workspaces. */
  async rows<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.database.query<Row>(sql, values)).rows;
  }

  /** What is called when a step's end has been committed: at that very moment the next has not begun yet. */
  async onStepFinished(listener: (state: string) => void): Promise<void> {
    await this.database.query(`
      create or replace function training.tell_step() returns trigger language plpgsql as
        $$ begin perform pg_notify('step_finished', new.state::text); return null; end $$;
      create or replace trigger tell_step after update on training.run_steps
        for each row when (old.finished_at is null and new.finished_at is not null) execute function training.tell_step();
      listen step_finished`);
    this.database.on('notification', ({ payload }) => listener(payload ?? ''));
  }

  async stopListening(): Promise<void> {
    await this.database.query('unlisten *');
  }

  /** Where a run's files lie. */
  runFolder(workspaceId: string, runId: string): string {
    return `${fileURLToPath(this.platform.artifactUrl)}/${workspaceId}/models/${runId}`;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    for (const child of this.processes) child.kill('SIGKILL');
    this.redis.disconnect();
    await this.database.end();
    for (const server of [this.ingestion.server, this.serving.server]) server.kill();
    this.worker.kill();
    await this.platform.close();
  }
}

export const startRequest = (spec: Partial<worker.TrainingSpec> = {}): training.StartRunRequest => ({
  spec: { ...worker.TrainingSpec.fromPartial({}), ...spec },
  trigger: training.RunTrigger.PERSON,
});

/** Follows a run until it is in one of these states; rejects when it ends otherwise. As clients do, it asks again where the database was away. */
export async function until(service: TrainingProcess, call: Call, id: string, ...states: training.RunState[]): Promise<training.Run> {
  try {
    return await follow(service, call, id, states);
  } catch (error) {
    if (!(error instanceof RpcError) || error.reason !== 'DATABASE_AWAY') throw error;
    return until(service, call, id, ...states);
  }
}

async function follow(service: TrainingProcess, call: Call, id: string, states: readonly training.RunState[]): Promise<training.Run> {
  const abort = new AbortController();
  let last: training.Run | undefined;
  try {
    for await (const { run } of service.runs.watchRun({ id }, { ...call, signal: abort.signal })) {
      last = run;
      if (run && states.includes(run.state)) return run;
    }
  } finally {
    abort.abort();
  }
  throw new Error(`the run ended as ${last?.state} (${last?.error?.message ?? ''})`);
}

/** Waits until something holds, looking ten times a second; rejects after half a minute. */
export async function eventually<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error('it did not come to hold within half a minute');
    await wait(100);
  }
}
