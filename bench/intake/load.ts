import { setTimeout as wait } from 'node:timers/promises';

import autocannon from 'autocannon';

import { eventOf } from './traffic.ts';

export interface Load {
  url: string;
  key: string;
  /** Keeps message ids of several loads apart. */
  run: string;
  events: number;
  /** The body of a request; default Segment's batch. */
  body?: (events: object[]) => string;
}

export interface LoadResult {
  eventsPerSecond: number;
  p50: number;
  p99: number;
}

export const BATCH = 100;
const CONNECTIONS = 64;
/** A load ends with a sample: at autocannon's own length of one each would last whole seconds, and a short one seem slow. */
const SAMPLE_MS = 10;
/** Bodies are made beforehand, so that making them is not measured. */
const BODIES_AT_ONCE = 4_000;

/** Sends batches of 100 over 64 connections and counts what is acknowledged. Fails if anything else comes back. */
export async function send({ url, key, run, events, body = (batch) => JSON.stringify({ batch }) }: Load): Promise<LoadResult> {
  const requests = Math.ceil(events / BATCH);
  let seconds = 0;
  let p50 = 0;
  let p99 = 0;
  for (let from = 0; from < requests; from += BODIES_AT_ONCE) {
    const count = Math.min(BODIES_AT_ONCE, requests - from);
    const bodies = Array.from({ length: count }, (_, at) => body(Array.from({ length: BATCH }, (__, n) => eventOf(run, (from + at) * BATCH + n))));
    let next = 0;
    const began = performance.now();
    const result = await autocannon({
      url,
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      connections: Math.min(CONNECTIONS, count),
      amount: count,
      timeout: 30,
      sampleInt: SAMPLE_MS,
      requests: [{ setupRequest: (request) => ({ ...request, body: bodies[next++ % count] ?? '' }) }],
    });
    seconds += (performance.now() - began) / 1000;
    if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url}: ${result.non2xx} answers were no 200, ${result.errors} requests failed.`);
    p50 = Math.max(p50, result.latency.p50);
    p99 = Math.max(p99, result.latency.p99);
  }
  return { eventsPerSecond: (requests * BATCH) / seconds, p50, p99 };
}

/**
 * Sends at a steady rate whatever comes back, and measures from when each request was due: one that waits behind a slow
 * one counts its waiting too.
 */
export async function sendSteadily({ url, key, run, events, eventsPerSecond }: Omit<Load, 'body'> & { eventsPerSecond: number }): Promise<LoadResult> {
  const requests = Math.ceil(events / BATCH);
  const dueEvery = (BATCH / eventsPerSecond) * 1000;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const began = performance.now();
  const answers: Promise<number>[] = [];
  for (let at = 0; at < requests; at++) {
    const due = began + at * dueEvery;
    const body = JSON.stringify({ batch: Array.from({ length: BATCH }, (_, n) => eventOf(run, at * BATCH + n)) });
    if (due > performance.now()) await wait(due - performance.now());
    answers.push(
      fetch(url, { method: 'POST', headers, body }).then(async (response) => {
        await response.arrayBuffer();
        if (!response.ok) throw new Error(`${url} answered ${response.status}`);
        return performance.now() - due;
      }),
    );
  }
  const latencies = (await Promise.all(answers)).sort((one, other) => one - other);
  const quantile = (share: number) => Math.round(latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? 0);
  return { eventsPerSecond: events / ((performance.now() - began) / 1000), p50: quantile(0.5), p99: quantile(0.99) };
}

/** The same events for GraphQL, which says types in capital letters. */
export function graphqlBody(batch: object[]): string {
  return JSON.stringify({
    query: 'mutation($input: TrackEventsInput!) { trackEvents(input: $input) { stored duplicate rejected } }',
    variables: { input: { events: batch.map((event) => ({ ...event, type: 'TRACK' })) } },
  });
}
