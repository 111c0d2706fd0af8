import { jest } from '@jest/globals';
import { pino } from 'pino';

import { ZERO_POSITION } from '#libs/database';

import { StaleBatch, SupersededBatch } from './batch.repository.js';
import type { ScoredBatch } from './scored.batch.js';
import { type ReaderParts, WorkspaceReader } from './workspace.reader.js';

const HORIZON = { xmin: 1, xmax: 1 };
const EVENT = { horizon: 1, sequence: 1, customerId: '00000000-0000-7000-8000-000000000001', type: 'track', name: 'Order Completed', occurredAt: 0, receivedAt: 0, properties: null };
const servedUnder = (fence: number) => ({ modelId: `model-${fence}`, uri: '', hash: '', fence, newestEventAt: null, erasures: 0 });
const scorer = {
  score: async () => ({
    customers: [{ customerId: EVENT.customerId, segmentIndex: 0, finerIndex: undefined, candidates: [], strength: 1, novelty: 0, mapX: 0, mapY: 0, error: '', rebuild: false, state: Buffer.alloc(0), embedding: Buffer.alloc(0), packedForecast: Buffer.alloc(0) }],
    foreseen: [],
  }),
  close: () => undefined,
};

/** Reads one event, whose first batch is not written for a reason; answers the models by which it is read until it is. */
async function modelsAfter(reason: Error): Promise<string[]> {
  const going = new AbortController();
  const written = Promise.withResolvers<void>();
  const models: string[] = [];
  let fence = 1;
  const commit = async (_: string, __: string, { served }: ScoredBatch) => {
    models.push(served.modelId);
    if (fence++ === 1) throw reason;
    written.resolve();
    return false;
  };
  const ended = (signal: AbortSignal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  const parts = {
    scoring: {
      outset: async () => ({ standing: { served: servedUnder(fence), places: new Map([[0, { position: ZERO_POSITION, mapping: ZERO_POSITION }]]) }, segments: new Map() }),
      glance: async () => ({ served: servedUnder(fence), events: models.length > 1 ? [] : [EVENT], horizon: HORIZON, hasMoves: false }),
      states: async () => [],
      quiet: async () => [],
    },
    batches: { commit },
    leases: { of: () => [{ partition: 0, epoch: 1 }], replicaId: 'replica' },
    hints: { seen: () => 0, beyond: (_: string, __: number, ___: number, signal: AbortSignal) => ended(signal) },
    cache: { of: () => ({ get: () => undefined, set: () => undefined, drop: () => undefined }) },
    directory: { now: async () => 0 },
    openScorer: () => scorer,
    requestsAtOnce: 1,
    log: pino({ level: 'silent' }),
  };
  const running = new WorkspaceReader('w', parts as unknown as ReaderParts).run(going.signal);
  // As many turns as it needs, and no time.
  for (let turns = 0; turns < 200; turns++) await Promise.race([written.promise, new Promise((resolve) => setImmediate(resolve))]);
  going.abort();
  await running;
  return models;
}

beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
afterEach(() => jest.useRealTimers());

test('events that were read by a model which is not served any more are read by the one that is, at once', async () => {
  expect(await modelsAfter(new SupersededBatch('another model is served by now'))).toEqual(['model-1', 'model-2']);
});

test('where another replica has the customers, some time passes before it is looked again', async () => {
  expect(await modelsAfter(new StaleBatch('another replica reads these customers now'))).toEqual(['model-1']);
});
