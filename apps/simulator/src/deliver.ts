import { setTimeout as sleep } from 'node:timers/promises';
import pMap, { pMapSkip } from 'p-map';
import pRetry, { AbortError } from 'p-retry';
import type { SegmentCall } from './segment-call.js';

export interface Destination {
  /** Where the intake listens, with or without `/v1/batch`. */
  url: string;
  writeKey: string;
  /** Calls in one request. */
  batchSize: number;
  /** Requests under way at once. */
  concurrency: number;
}

/** Tells how many calls the intake has acknowledged so far. */
export type Acknowledged = (total: number) => void;

const ANSWER_WITHIN = 30_000;
const RETRIES = 30;
const LONGEST_WAIT = 60_000;

/** Sends calls through the intake, batch by batch; resolves to how many it has acknowledged: all, or it throws. */
export async function deliver(
  calls: Iterable<SegmentCall>,
  destination: Destination,
  acknowledged: Acknowledged = () => undefined,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0;
  await pMap(
    batchesOf(calls, destination.batchSize),
    async (batch) => {
      await postBatch(batch, destination, signal);
      total += batch.length;
      acknowledged(total);
      return pMapSkip;
    },
    { concurrency: destination.concurrency, ...(signal && { signal }) },
  );
  return total;
}

function* batchesOf<T>(items: Iterable<T>, size: number): Generator<T[], void> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Posts one batch until it is acknowledged; a busy or absent intake is waited for, as long as it asks. */
export async function postBatch(batch: SegmentCall[], { url, writeKey }: Destination, signal?: AbortSignal): Promise<void> {
  await pRetry(() => post(batch, intakeUrl(url), writeKey, signal), {
    retries: RETRIES,
    minTimeout: 200,
    maxTimeout: 5_000,
    randomize: true,
    ...(signal && { signal }),
    onFailedAttempt: async ({ error }) => {
      if (error instanceof BusyError && error.retryAfter > 0) await sleep(error.retryAfter, undefined, signal && { signal });
    },
  });
}

async function post(batch: SegmentCall[], url: string, writeKey: string, signal?: AbortSignal): Promise<void> {
  const timeout = AbortSignal.timeout(ANSWER_WITHIN);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}` },
    body: JSON.stringify({ batch, sentAt: new Date().toISOString(), context: { library: { name: 'kindred-simulator' } } }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const answer = await response.text();
  if (response.ok) return;
  const complaint = `${url} answered ${response.status}: ${answer.slice(0, 300)}`;
  if (response.status === 429 || response.status >= 500) throw new BusyError(complaint, retryAfterOf(response));
  throw new AbortError(response.status === 401 ? `${complaint}. Is this the workspace's write key?` : complaint);
}

class BusyError extends Error {
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/** Ms that the server asks to be left alone for; it may say seconds or a date. */
function retryAfterOf(response: Response): number {
  const header = response.headers.get('retry-after');
  if (header === null) return 0;
  const asked = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Math.min(Math.max(Number.isNaN(asked) ? 0 : asked, 0), LONGEST_WAIT);
}

function intakeUrl(url: string): string {
  return url.endsWith('/v1/batch') ? url : `${url.replace(/\/+$/, '')}/v1/batch`;
}
