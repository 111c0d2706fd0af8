import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { migrate } from '#libs/database';
import { ensureServiceLogin, type EmbeddedProcess, startPostgres, startValkey } from '#libs/embedded';
import { isServing } from '#libs/grpc';

import { type Ports, portInUse, portsFrom } from './ports.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import { Supervisor } from './supervisor.ts';

/** A failure with its remedy, shown without a stack. */
export class StartError extends Error {}

export interface System {
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly supervisor: Supervisor;
  /** Process ids, the embedded servers included. */
  pids(): Record<string, number | undefined>;
  stop(): Promise<void>;
}

interface SystemOptions {
  port: number;
  data: string;
  tell: (line: string) => void;
  /** Ends the starting: what is up already is stopped, and the call rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * V8 learns which places in the code make what lasts, and has them make it old at once. What reads rows makes some that last, for states
 * are kept, and many that do not: of serving's garbage a seventh was made old for nothing, and all was looked through every five seconds of look-ups.
 */
const NOTHING_BORN_OLD = '--no-allocation-site-pretenuring';
/**
 * Whoever answers stands half still for about 80 ms while V8 looks through all that is old. By itself it does once that has grown by a tenth or a
 * third, which is every three seconds of look-ups; it may be three times what lasts, some 80 MiB.
 */
const SELDOM_LOOKED_THROUGH = '--heap-growing-percent=200';
/**
 * Room for what is young. At the gateway batches of events are whole objects while they wait for their commit: without room, collecting
 * them costs a third of the time. Serving's garbage is mostly buffers, which count for nothing until something young is collected: with
 * much room they pile up to where V8 looks through everything, which stands still for 60 ms each second under load. Ingestion's young space
 * else grows for as long as a file is imported, which cost a large file 100 MiB more than a small one.
 */
const MEMORY: Readonly<Record<string, readonly string[]>> = {
  gateway: ['--max-semi-space-size=64', NOTHING_BORN_OLD, SELDOM_LOOKED_THROUGH],
  ingestion: ['--max-semi-space-size=16'],
  serving: ['--max-semi-space-size=8', NOTHING_BORN_OLD, SELDOM_LOOKED_THROUGH],
};
const HEALTHY_WITHIN_MS = 90_000;
const HOST = '127.0.0.1';
const python = resolve('.venv', 'bin', 'python');

/** Starts everything but the main job, each part waited for until it is healthy. What it started, it stops. */
export async function startSystem({ port, data, tell, signal = new AbortController().signal }: SystemOptions): Promise<System> {
  const folder = resolve(data);
  const ports = portsFrom(port);
  const external = { database: process.env['DATABASE_URL'], redis: process.env['REDIS_URL'], artifacts: process.env['ARTIFACT_URL'] };
  const unused = new Set<keyof Ports>([...(external.database ? ['postgres' as const] : []), ...(external.redis ? ['valkey' as const] : [])]);
  const taken = await portInUse(ports, unused);
  if (taken) {
    throw new StartError(`Port ${taken.port} (for ${taken.name}) is in use. Stop what listens there, or move all ports: npm start -- --port ${port + 100}`);
  }
  const secrets = await loadSecrets(folder);
  await Promise.all(['logs', 'work', 'artifacts'].map((name) => mkdir(join(folder, name), { recursive: true })));

  const embedded: EmbeddedProcess[] = [];
  const supervisor = new Supervisor(join(folder, 'logs'), tell);
  const stop = async () => {
    await supervisor.stop();
    for (const server of embedded.reverse()) await server.stop();
  };
  try {
    const [postgres, valkey] = await Promise.allSettled([
      external.database ?? startPostgres({ dataDir: join(folder, 'postgres'), port: ports.postgres, password: secrets.postgresPassword }).then((server) => {
        embedded.push(server);
        return server.ownerUrl;
      }),
      external.redis ?? startValkey({ dataDir: join(folder, 'valkey'), port: ports.valkey, python: resolve('.venv') }).then((server) => {
        embedded.push(server);
        return server.url;
      }),
    ]);
    // Both have ended by now, one way or the other: whichever came up is among what is stopped.
    const owner = valueOf(postgres);
    const redisUrl = valueOf(valkey);
    signal.throwIfAborted();
    const { applied } = await migrate(owner, resolve('prisma/migrations'));
    if (applied.length > 0) tell(`Postgres: ${applied.length} migrations applied`);
    const databaseUrl = external.database ?? (await ensureServiceLogin(owner, secrets.servicePassword));
    const artifactUrl = external.artifacts ?? pathToFileURL(join(folder, 'artifacts')).href;
    signal.throwIfAborted();
    launchAll(supervisor, { ports, secrets, databaseUrl, redisUrl, artifactUrl, folder });
    await untilHealthy(ports, supervisor, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ports,
    secrets,
    supervisor,
    pids: () => ({ ...supervisor.pids(), ...Object.fromEntries(embedded.map((server, i) => [`embedded-${i}`, server.pid])) }),
    stop,
  };
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

interface Surroundings {
  ports: Ports;
  secrets: Secrets;
  databaseUrl: string;
  redisUrl: string;
  artifactUrl: string;
  folder: string;
}

function launchAll(supervisor: Supervisor, { ports, secrets, databaseUrl, redisUrl, artifactUrl, folder }: Surroundings): void {
  const address = (port: number) => `${HOST}:${port}`;
  // Where an object store is, and who may, is told as AWS's own tools are told.
  const ofStore = Object.entries(process.env).filter(([name]) => name.startsWith('AWS_'));
  const inherited = Object.fromEntries([
    ...ofStore,
    ...['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ', 'LD_LIBRARY_PATH', 'CUDA_VISIBLE_DEVICES', 'LOG_LEVEL', 'ARCHIVE_SETTLE_SECONDS', 'IMPORT_MEMORY', 'UPLOAD_KEEP_DAYS'].flatMap((name) =>
      process.env[name] === undefined ? [] : [[name, process.env[name]]],
    ),
  ]);
  const all = {
    ...inherited,
    NODE_ENV: 'production',
    KINDRED_HOST: HOST,
    // Receivers of webhooks are tried on the same machine; nothing here listens to any other.
    WEBHOOK_PRIVATE_TARGETS: 'true',
    PRINCIPAL_SECRET: secrets.principalSecret,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    ARTIFACT_URL: artifactUrl,
    ACCESS_ADDRESS: address(ports.accessGrpc),
    INGESTION_ADDRESS: address(ports.ingestionGrpc),
    TRAINING_ADDRESS: address(ports.trainingGrpc),
    SERVING_ADDRESS: address(ports.servingGrpc),
    WORKER_TRAIN_ADDRESS: address(ports.workerTrain),
    WORKER_SCORE_ADDRESS: address(ports.workerScore),
    WORK_DIR: join(folder, 'work'),
  };
  const worker = (role: 'train' | 'score', port: number) =>
    supervisor.start({
      name: `worker-${role}`,
      command: python,
      args: ['-m', 'kindred_worker', '--role', role, '--port', String(port)],
      cwd: resolve('apps/gpu-worker'),
      env: { ...inherited, PYTHONUNBUFFERED: '1' },
    });
  const service = (name: string, http: number, grpc: number) =>
    supervisor.start({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', '--max-old-space-size=768', ...(MEMORY[name] ?? []), resolve(`dist/apps/${name}/src/main.js`)],
      env: { ...all, HTTP_PORT: String(http), GRPC_PORT: String(grpc) },
    });
  // PyTorch takes longest to load, so the workers go first.
  worker('score', ports.workerScore);
  worker('train', ports.workerTrain);
  service('access', ports.accessHttp, ports.accessGrpc);
  service('ingestion', ports.intake, ports.ingestionGrpc);
  service('training', ports.trainingHttp, ports.trainingGrpc);
  service('serving', ports.servingHttp, ports.servingGrpc);
  service('gateway', ports.gateway, ports.gatewayGrpc);
}

async function untilHealthy(ports: Ports, supervisor: Supervisor, signal: AbortSignal): Promise<void> {
  const http = { access: ports.accessHttp, ingestion: ports.intake, training: ports.trainingHttp, serving: ports.servingHttp, gateway: ports.gateway };
  const limits = { deadline: AbortSignal.timeout(HEALTHY_WITHIN_MS), signal };
  await Promise.all([
    ...Object.entries(http).map(([name, port]) => untilReady(name, () => answersHttp(port), limits, supervisor)),
    ...(['train', 'score'] as const).map((role) =>
      untilReady(`worker-${role}`, () => isServing(`${HOST}:${role === 'train' ? ports.workerTrain : ports.workerScore}`), limits, supervisor),
    ),
  ]);
}

interface Limits {
  deadline: AbortSignal;
  signal: AbortSignal;
}

async function untilReady(name: string, isReady: () => Promise<boolean>, { deadline, signal }: Limits, supervisor: Supervisor): Promise<void> {
  while (!(await isReady())) {
    signal.throwIfAborted();
    if (deadline.aborted) throw new StartError(`${name} did not become healthy within 90 s. Its log: ${supervisor.logFile(name)}`);
    await wait(100);
  }
}

async function answersHttp(port: number): Promise<boolean> {
  return fetch(`http://${HOST}:${port}/readyz`, { signal: AbortSignal.timeout(2_000) }).then((response) => response.ok, () => false);
}
