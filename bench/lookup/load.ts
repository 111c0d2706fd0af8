import { type Client, credentials, makeClientConstructor } from '@grpc/grpc-js';
import autocannon from 'autocannon';
import { Pool } from 'pg';

import { ECHO } from './echo.ts';

/** What a contender did while it was asked as fast as it answers, or at a given rate. */
export interface Answered {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

export interface GraphqlTarget {
  readonly url: string;
  readonly key?: string;
  readonly bodies: readonly string[];
}

/** Asks over HTTP. A failure, or an answer with errors in it, ends the measurement: it would be fast for nothing. */
export async function askGraphql({ url, key, bodies }: GraphqlTarget, { connections, seconds }: Load, perSecond?: number): Promise<Answered> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    requests: bodies.map((body) => ({ body })),
    verifyBody: (body: string | Buffer | undefined) => !String(body).includes('"errors"'),
    ...(perSecond === undefined ? {} : { overallRate: Math.max(connections, Math.round(perSecond)) }),
  });
  const failed = result.errors + result.non2xx + result.mismatches;
  if (failed > 0) throw new Error(`${url}: ${failed} of ${result.requests.total} answers were failures.`);
  return { perSecond: result.requests.total / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
}

/** As many in flight as connections, each anew as soon as it is answered. */
async function askInTurn({ connections, seconds }: Load, ask: (lane: number, turn: number) => Promise<unknown>): Promise<Answered> {
  const took: number[] = [];
  const began = performance.now();
  const end = began + seconds * 1_000;
  await Promise.all(
    Array.from({ length: connections }, async (_, lane) => {
      for (let turn = 0; performance.now() < end; turn++) {
        const asked = performance.now();
        await ask(lane, turn);
        took.push(performance.now() - asked);
      }
    }),
  );
  const elapsed = (performance.now() - began) / 1_000;
  took.sort((one, other) => one - other);
  const at = (share: number) => Math.round((took[Math.floor(took.length * share)] ?? Number.NaN) * 100) / 100;
  return { perSecond: took.length / elapsed, p50: at(0.5), p99: at(0.99) };
}

/** The least that Postgres takes for one row by its primary key, over as many connections. */
export async function askPostgres(url: string, workspaceId: string, load: Load): Promise<Answered> {
  const pool = new Pool({ connectionString: url, max: load.connections });
  try {
    const { rows } = await pool.query<{ id: string }>('select id from serving.memberships where workspace_id = $1 limit 1000', [workspaceId]);
    const text = 'select segment_id, strength, since from serving.memberships where workspace_id = $1 and id = $2';
    const ask = (lane: number, turn: number) => pool.query({ name: 'by-key', text, values: [workspaceId, rows[(lane * 31 + turn) % rows.length]?.id] });
    return await askInTurn(load, ask);
  } finally {
    await pool.end();
  }
}

/** A unary call that does nothing. */
export async function askEcho(port: number, load: Load): Promise<Answered> {
  type EchoClient = Client & { echo(request: Buffer, done: (error: Error | null) => void): void };
  const client = new (makeClientConstructor(ECHO, 'Echo'))(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as EchoClient;
  const request = Buffer.alloc(60, 1);
  try {
    return await askInTurn(load, () => new Promise<void>((resolve, reject) => client.echo(request, (error) => (error ? reject(error) : resolve()))));
  } finally {
    client.close();
  }
}

/** The middle one by its rate. */
export function median(all: readonly Answered[]): Answered {
  const sorted = all.toSorted((one, other) => one.perSecond - other.perSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error('nothing was measured');
  return middle;
}
