import { BrokenCircuitError, circuitBreaker, ConsecutiveBreaker, handleWhen } from 'cockatiel';
import type { Logger } from 'pino';

import type { worker } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import type { LiveModel } from '../onnx/live.model.js';
import type { ScoreStream } from './score.stream.js';
import type { Scored, Scorer } from './scorer.js';
import { customersScored } from './scoring.metrics.js';

export interface SteadyScorerOptions {
  readonly stream: ScoreStream;
  /** The same model for this process; undefined where it has no such form. */
  readonly live: Promise<LiveModel | undefined>;
  /** How long the worker may take where it alone can score. */
  readonly deadlineMs: number;
  /** How long it may take where this process can do it as well. */
  readonly fallbackMs: number;
  /** As many customers are scored here in any case, where the model has a form for it: they would take longer to travel. */
  readonly nearUpTo: number;
  readonly log: Logger;
}

/** How long to leave a worker alone that did not answer. */
const WORKER_AGAIN_MS = 5_000;
const AWAY: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED, status.INTERNAL, status.UNKNOWN]);

/** Events of one customer that are taken in here, one after the other; the worker takes all at once. */
const FEW_EVENTS = 4;

/**
 * Scores many customers at the worker and few in this process, where the model has a form for it; while the worker is away,
 * all of them.
 */
export class SteadyScorer implements Scorer {
  private readonly breaker = circuitBreaker(handleWhen(isAway), { halfOpenAfter: WORKER_AGAIN_MS, breaker: new ConsecutiveBreaker(1) });

  constructor(private readonly options: SteadyScorerOptions) {
    this.breaker.onBreak(() => options.log.warn('the worker is away: scoring in process, where the model has a form for it'));
    this.breaker.onReset(() => options.log.info('the worker scores again'));
  }

  /** Rejects as `ScoreStream` does. */
  async score(customers: worker.CustomerScoreRequest[]): Promise<Scored> {
    const { stream, deadlineMs, fallbackMs } = this.options;
    const live = await this.options.live;
    if (!live) return counted('worker', await stream.score(customers, deadlineMs));
    const near = this.areFew(customers) ? await this.near(live, customers) : undefined;
    if (near) return near;
    try {
      return counted('worker', await this.breaker.execute(() => stream.score(customers, Math.min(fallbackMs, deadlineMs))));
    } catch (error) {
      if (!(error instanceof BrokenCircuitError) && !isAway(error)) throw error;
      return counted('process', await live.score(customers));
    }
  }

  close(): void {
    this.options.stream.close();
  }

  private areFew(customers: readonly worker.CustomerScoreRequest[]): boolean {
    return customers.length > 0 && customers.length <= this.options.nearUpTo && customers.every(({ events }) => events.length <= FEW_EVENTS);
  }

  /**
   * Of whom an event came late, the worker takes it in, which this form of the model cannot; while it is away they are asked for with all events.
   * Undefined where it cannot be done here.
   */
  private async near(live: LiveModel, customers: readonly worker.CustomerScoreRequest[]): Promise<Scored | undefined> {
    const { stream, deadlineMs, fallbackMs, log } = this.options;
    const scored = await live.score(customers).catch((err: unknown) => log.warn({ err }, 'a batch could not be scored in process; the worker is asked'));
    if (!scored) return undefined;
    const late = new Set(scored.customers.filter(({ rebuild }) => rebuild).map(({ customerId }) => customerId));
    counted('process', scored);
    if (late.size === 0) return scored;
    try {
      const again = await this.breaker.execute(() => stream.score(customers.filter(({ customerId }) => late.has(customerId)), Math.min(fallbackMs, deadlineMs)));
      const taken = new Map(counted('worker', again).customers.map((result) => [result.customerId, result]));
      return { ...scored, customers: scored.customers.map((result) => taken.get(result.customerId) ?? result) };
    } catch (error) {
      if (!(error instanceof BrokenCircuitError) && !isAway(error)) throw error;
      return scored;
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof RpcError && (AWAY.has(error.status) || error.reason === 'MODEL_UNAVAILABLE');
}

function counted(where: 'worker' | 'process', scored: Scored): Scored {
  customersScored.inc({ where }, scored.customers.length);
  return scored;
}
