import type { CallContext } from 'nice-grpc';

import { worker } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { Barrier, type FakeServer, listen } from './fake-server.js';

const DAY = 86_400_000_000;
const QUIET_DAYS = 30;
const MANY_ORDERS = 3;

/** What the fake's models draw: by place in the bundle. */
const FEW_ORDERS = 0;
export const MANY = 1;
export const QUIET = 2;
/** What a `family` draws beside: one that joins the first two, and the parts of "Many orders". */
export const HERE = 3;
export const SOME = 4;
export const LOTS = 5;
const LOTS_OF_ORDERS = 6;
export const SEGMENTS = ['Few orders', 'Many orders', 'Gone quiet'] as const;

interface State {
  orders: number;
  events: number;
  isAlien: boolean;
  /** As the last event that says so has it. */
  novelty: number | undefined;
  strength: number;
  first: number;
  last: number;
  /** Names in order: what a model that is no sum cannot take in late. */
  trail: string;
}

/**
 * A model so simple that a test can foresee it, behind the same contract as a real one. A `model_uri` that
 * ends in `window` asks for a rebuild when an event comes late; one that ends in `swapped` draws the same
 * segments at other places; one that ends in `family` draws coarser and finer ones too; to one that ends in `folded` one order and eight are alike; one that has `missing` in it cannot be loaded.
 */
export function readFake(modelUri: string, packed: Uint8Array, events: readonly worker.ScoreEvent[], readAt: number): Omit<worker.CustomerScoreResult, 'customerId'> {
  const state: State =
    packed.length > 0
      ? (JSON.parse(Buffer.from(packed).toString()) as State)
      : { orders: 0, events: 0, isAlien: false, novelty: undefined, strength: 0.9, first: Number.MAX_SAFE_INTEGER, last: 0, trail: '' };
  for (const event of events) {
    if (modelUri.endsWith('window') && event.occurredAt < state.last) return { ...NOTHING, rebuild: true };
    let properties: { strength?: number; novelty?: number };
    try {
      properties = JSON.parse(Buffer.from(event.properties).toString() || '{}') as typeof properties;
    } catch {
      return { ...NOTHING, error: `the properties of ${event.name} are not JSON` };
    }
    if (event.name === 'Poison') return { ...NOTHING, error: 'Poison cannot be read' };
    state.events += 1;
    state.orders += event.name === 'Order Completed' ? 1 : 0;
    state.isAlien ||= event.name === 'Alien';
    if (event.occurredAt >= state.last) {
      state.strength = properties.strength ?? 0.9;
      state.novelty = properties.novelty ?? state.novelty;
    }
    state.first = Math.min(state.first, event.occurredAt);
    state.last = Math.max(state.last, event.occurredAt);
    if (modelUri.endsWith('window')) state.trail = `${state.trail}>${event.name}`.slice(-200);
  }
  return { ...NOTHING, ...outcome(modelUri, state, readAt), state: Buffer.from(JSON.stringify(state)) };
}

function outcome(modelUri: string, state: State, readAt: number) {
  const quietDays = Math.max(0, readAt - state.last) / DAY;
  const plain = state.isAlien ? -1 : quietDays > QUIET_DAYS ? QUIET : state.orders >= MANY_ORDERS ? MANY : FEW_ORDERS;
  const segmentIndex = modelUri.endsWith('swapped') && plain >= 0 ? (plain + 1) % SEGMENTS.length : plain;
  const embedding = Buffer.alloc(16);
  const isFolded = modelUri.endsWith('folded');
  [isFolded ? state.orders % 7 : state.orders, isFolded ? state.events - state.orders : state.events, Math.log1p(quietDays), 1].forEach((value, index) => embedding.writeFloatLE(value, index * 4));
  const part = segmentIndex === MANY && modelUri.endsWith('family') ? { finerIndex: state.orders >= LOTS_OF_ORDERS ? LOTS : SOME } : {};
  return {
    segmentIndex,
    ...part,
    strength: plain < 0 ? 0 : state.strength,
    novelty: state.novelty ?? (state.isAlien ? 0.99 : 0.1),
    embedding,
    mapX: state.orders,
    mapY: quietDays,
    forecast: [],
    packedForecast: Buffer.from(Float32Array.of(Math.min(1, state.orders / 10), state.orders * 5).buffer),
  };
}

const NOTHING: Omit<worker.CustomerScoreResult, 'customerId'> = {
  state: Buffer.alloc(0),
  embedding: Buffer.alloc(0),
  segmentIndex: 0,
  strength: 0,
  novelty: 0,
  mapX: 0,
  mapY: 0,
  rebuild: false,
  error: '',
  forecast: [],
  packedForecast: Buffer.alloc(0),
};

/** Of everyone, by every model. */
export const FORESEEN: worker.ForecastTarget[] = [{ event: 'Order Completed', horizonDays: 30 }];

/** The score role as the contract promises it. */
export class FakeScoreWorker {
  /** Customers in each request, in the order in which they came. */
  readonly batches: number[] = [];
  /** Customers in each question about events. */
  readonly judged: number[] = [];
  /** Requests that were asked for a customer with an empty state although they had been read before. */
  rebuilds = 0;
  readonly beforeAnswer = new Barrier();
  private readonly read = new Set<string>();
  private server: FakeServer | undefined;
  private port = 0;

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts, or starts again at the same address. */
  async start(): Promise<this> {
    this.server = await listen(
      worker.ScoreWorkerServiceService,
      {
        score: (requests: AsyncIterable<worker.ScoreRequest>, context: CallContext) => this.score(requests, context),
        judgeEvents: (request: worker.JudgeEventsRequest) => this.judge(request),
      },
      this.port,
    );
    this.port = Number(this.server.address.split(':')[1]);
    return this;
  }

  kill(): void {
    this.server?.kill();
  }

  /** An alien is all that surprises, and the more so the less came before it. */
  private judge({ modelUri, modelHash, customers }: worker.JudgeEventsRequest): worker.JudgeEventsResponse {
    this.judged.push(customers.length);
    const novelty = (name: string | undefined, place: number) => (name === 'Alien' ? 1 / (1 + place / 100) : 0.1);
    return {
      modelHash,
      judges: !modelUri.endsWith('window'),
      customers: modelUri.endsWith('window') ? [] : customers.map(({ customerId, events, asked }) =>
        events.some(({ name }) => name === 'Poison')
          ? { customerId, novelty: [], error: 'Poison cannot be read' }
          : { customerId, novelty: asked.map((place) => novelty(events[place]?.name, place)), error: '' },
      ),
    };
  }

  private async *score(requests: AsyncIterable<worker.ScoreRequest>, { signal }: CallContext): AsyncGenerator<worker.ScoreResponse> {
    for await (const { requestId, modelUri, modelHash, fence, customers } of requests) {
      if (modelUri.includes('missing') || modelHash === 'wrong') {
        throw new RpcError(status.FAILED_PRECONDITION, `There is no bundle ${modelHash} at ${modelUri}.`, { reason: 'MODEL_UNAVAILABLE' });
      }
      await this.beforeAnswer.pass(signal);
      this.batches.push(customers.length);
      const results = customers.map(({ customerId, state, events, readAt }) => {
        if (state.length === 0 && this.read.has(customerId)) this.rebuilds += 1;
        this.read.add(customerId);
        return { customerId, ...readFake(modelUri, state, events, readAt) };
      });
      yield { requestId, modelHash, fence, customers: results, foreseen: FORESEEN };
    }
  }
}
