import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { freePort } from './port.js';

/** A server on this machine that speaks S3, for tests. */
export interface S3Server {
  /** `s3://bucket/prefix` */
  readonly url: string;
  /** What a process is told that is to use it. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const BUCKET = 'kindred';

/**
 * Starts moto's server, in an environment of its own that uv keeps (tests/s3-server.lock), and tells this process of
 * it, as AWS's own tools are told. Run from the project's root.
 */
export async function startS3Server(): Promise<S3Server> {
  const port = await freePort();
  const environment = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`, AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  Object.assign(process.env, environment);
  const uv = ['run', '--quiet', '--no-project', '--python', resolve('.venv/bin/python'), '--with-requirements', 'tests/s3-server.lock'];
  const server = spawn(resolve('.venv/bin/uv'), [...uv, 'moto_server', '-H', '127.0.0.1', '-p', String(port)], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let told = '';
  server.stderr.on('data', (chunk: Buffer) => (told = (told + chunk.toString()).slice(-2_000)));
  const ended = once(server, 'exit');
  const isUp = () => fetch(`${environment.AWS_ENDPOINT_URL}/moto-api/`).then(({ ok }) => ok, () => false);
  while (!(await isUp())) {
    if (server.exitCode !== null) throw new Error(`the S3 server did not start: ${told}`);
    await wait(50);
  }
  // It knows no one and lets everybody in.
  await fetch(`${environment.AWS_ENDPOINT_URL}/${BUCKET}`, { method: 'PUT' });
  return {
    url: `s3://${BUCKET}/artefacts`,
    environment,
    close: async () => {
      // uv and what it runs are a group of their own.
      if (server.pid !== undefined && server.exitCode === null) process.kill(-server.pid, 'SIGKILL');
      await ended;
    },
  };
}
