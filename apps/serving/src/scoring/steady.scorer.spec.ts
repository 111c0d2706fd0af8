import { jest } from '@jest/globals';
import { pino } from 'pino';

import type { worker } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import type { LiveModel } from '../onnx/live.model.js';
import type { ScoreStream } from './score.stream.js';
import { SteadyScorer } from './steady.scorer.js';

const asked = [{ customerId: 'a', state: Buffer.alloc(0), events: [], readAt: 0 }];
const result = (strength: number) => ({ customerId: 'a', strength }) as worker.CustomerScoreResult;
const AT_WORKER = 0.25;
const IN_PROCESS = 0.75;

class Stream {
  readonly deadlines: number[] = [];
  failure: Error | undefined;

  async score(_: worker.CustomerScoreRequest[], deadlineMs: number): Promise<worker.ScoreResponse> {
    this.deadlines.push(deadlineMs);
    if (this.failure) throw this.failure;
    return { requestId: 1, modelHash: '', fence: 1, customers: [result(AT_WORKER)], foreseen: [] };
  }
}

const live = { score: async () => ({ customers: [result(IN_PROCESS)], foreseen: [] }) } as unknown as LiveModel;
const away = new RpcError(status.UNAVAILABLE, 'away', { reason: 'WORKER_AWAY' });

function scorer(stream: Stream, model: LiveModel | undefined, nearUpTo = 0): SteadyScorer {
  return new SteadyScorer({ stream: stream as unknown as ScoreStream, live: Promise.resolve(model), deadlineMs: 15_000, fallbackMs: 2_000, nearUpTo, log: pino({ level: 'silent' }) });
}
const strengthOf = async (subject: SteadyScorer) => (await subject.score(asked)).customers[0]?.strength;

test('the worker scores while it answers', async () => {
  const stream = new Stream();
  expect(await strengthOf(scorer(stream, live))).toBe(AT_WORKER);
  expect(stream.deadlines).toEqual([2_000]);
});

test('without an answer this process scores, and the worker is left alone for a while', async () => {
  const stream = new Stream();
  const subject = scorer(stream, live);
  stream.failure = away;
  expect(await strengthOf(subject)).toBe(IN_PROCESS);
  stream.failure = undefined;
  expect(await strengthOf(subject)).toBe(IN_PROCESS);
  expect(stream.deadlines).toHaveLength(1);
});

test('a worker that is back is asked again', async () => {
  jest.useFakeTimers({ now: 0 });
  try {
    const stream = new Stream();
    const subject = scorer(stream, live);
    stream.failure = away;
    await subject.score(asked);
    stream.failure = undefined;
    jest.setSystemTime(5_001);
    expect(await strengthOf(subject)).toBe(AT_WORKER);
  } finally {
    jest.useRealTimers();
  }
});

test('a model without a live form waits for the worker for as long as that may take, and says that it is away', async () => {
  const stream = new Stream();
  stream.failure = away;
  await expect(scorer(stream, undefined).score(asked)).rejects.toBe(away);
  expect(stream.deadlines).toEqual([15_000]);
});

test('the end of a term is no absence of the worker', async () => {
  const stream = new Stream();
  stream.failure = new RpcError(status.CANCELLED, 'ended', { reason: 'CANCELLED' });
  await expect(scorer(stream, live).score(asked)).rejects.toBe(stream.failure);
});

const customers = (count: number, events = 1) =>
  Array.from({ length: count }, (_, index) => ({ customerId: `c${index}`, state: Buffer.alloc(0), events: Array.from({ length: events }, () => ({ name: 'A', occurredAt: 0, properties: Buffer.alloc(0) })), readAt: 0 }));

test('few customers are scored in this process, many of them or many events at the worker', async () => {
  const stream = new Stream();
  const subject = scorer(stream, live, 2);
  expect((await subject.score(customers(2))).customers[0]?.strength).toBe(IN_PROCESS);
  expect((await subject.score(customers(3))).customers[0]?.strength).toBe(AT_WORKER);
  expect((await subject.score(customers(1, 5))).customers[0]?.strength).toBe(AT_WORKER);
});

test('of few customers the worker takes in whose events came late, and they are asked for anew while it is away', async () => {
  const stream = new Stream();
  const late = { score: async () => ({ customers: [{ ...result(0), rebuild: true }, { ...result(IN_PROCESS), customerId: 'b', rebuild: false }], foreseen: [] }) } as unknown as LiveModel;
  const subject = scorer(stream, late, 2);
  expect((await subject.score(customers(2))).customers).toMatchObject([{ customerId: 'a', strength: AT_WORKER }, { customerId: 'b', strength: IN_PROCESS }]);
  stream.failure = away;
  expect((await subject.score(customers(2))).customers).toMatchObject([{ customerId: 'a', rebuild: true }, { customerId: 'b', strength: IN_PROCESS }]);
});
