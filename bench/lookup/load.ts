import { setTimeout as wait } from 'node:timers/promises';

import { type Client, credentials, makeClientConstructor } from '@grpc/grpc-js';
import autocannon from 'autocannon';
import { Pool } from 'pg';
import { Pool as Connections } from 'undici';

import { ECHO } from './echo.ts';

/** What a contender did while it was asked as fast as it answers, or at a given rate. */
export interface Answered {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Asked at a rate. */
export interface AnsweredEvenly extends Answered {
  /** Milliseconds by which requests were sent later than they were due, the most but for one in a hundred: the load generator's own share. */
  readonly lateP99: number;
}

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

export interface GraphqlTarget {
  readonly url: string;
  readonly key?: string;
  readonly bodies: readonly string[];
  /** Each connection asks one of the bodies all the time, and no two the same, instead of all of them in turn. */
  readonly isApart?: boolean;
}

/** Asks over HTTP. A failure, or an answer with errors in it, ends the measurement: it would be fast for nothing. */
export async function askGraphql({ url, key, bodies, isApart = false }: GraphqlTarget, { connections, seconds }: Load): Promise<Answered> {
  let lanes = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    headers: headersOf(key),
    ...(isApart ? { setupClient: (client: autocannon.Client) => client.setBody(bodies[lanes++ % bodies.length]) } : { requests: bodies.map((body) => ({ body })) }),
    verifyBody: (body: string | Buffer | undefined) => !String(body).includes('"errors"'),
  });
  const failed = result.errors + result.non2xx + result.mismatches;
  if (failed > 0) throw new Error(`${url}: ${failed} of ${result.requests.total} answers were failures.`);
  return { perSecond: result.requests.total / result.duration, p50: result.latency.p50, p99: result.latency.p99 };
}

const headersOf = (key: string | undefined) => ({ 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) });

/**
 * The same at a rate, evenly spaced and whether or not answers come (autocannon sends a second's worth at once and
 * then rests): what is late counts from when it was due.
 */
export async function askEvenly({ url, key, bodies }: GraphqlTarget, { connections, seconds }: Load, perSecond: number): Promise<AnsweredEvenly> {
  const { origin, pathname } = new URL(url);
  const pool = new Connections(origin, { connections, pipelining: 1 });
  const asking = { method: 'POST', path: pathname, headers: headersOf(key) } as const;
  const [took, late]: [number[], number[]] = [[], []];
  const ask = async (body: string, due: number) => {
    late.push(performance.now() - due);
    const answer = await pool.request({ ...asking, body });
    const told = await answer.body.text();
    if (answer.statusCode !== 200 || told.includes('"errors"')) throw new Error(`${url}: ${told}`);
    took.push(performance.now() - due);
  };
  const failures: unknown[] = [];
  const count = Math.floor(perSecond * seconds);
  const began = performance.now();
  // None of the questions is held: what holds 50,000 of them is itself late when it collects its garbage.
  for (let turn = 0; turn < count && failures.length === 0; await wait(1)) {
    const due = Math.min(count, ((performance.now() - began) / 1_000) * perSecond);
    for (; turn < due; turn++) ask(bodies[turn % bodies.length] ?? '', began + (turn / perSecond) * 1_000).catch((error: unknown) => failures.push(error));
  }
  await pool.close();
  if (failures.length > 0) throw failures[0];
  return { perSecond: took.length / ((performance.now() - began) / 1_000), ...middleAndTail(took), lateP99: middleAndTail(late).p99 };
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
  return { perSecond: took.length / elapsed, ...middleAndTail(took) };
}

function middleAndTail(took: readonly number[]): { p50: number; p99: number } {
  const sorted = took.toSorted((one, other) => one - other);
  const at = (share: number) => Math.round((sorted[Math.floor(sorted.length * share)] ?? Number.NaN) * 100) / 100;
  return { p50: at(0.5), p99: at(0.99) };
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
