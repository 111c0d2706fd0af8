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
  readonly log: Logger;
}

/** How long to leave a worker alone that did not answer. */
const WORKER_AGAIN_MS = 5_000;
const AWAY: ReadonlySet<status> = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.RESOURCE_EXHAUSTED, status.INTERNAL, status.UNKNOWN]);

/** Scores at the worker; while that one is away, in this process, where the model has a form for it. */
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
}

function isAway(error: unknown): boolean {
  return error instanceof RpcError && (AWAY.has(error.status) || error.reason === 'MODEL_UNAVAILABLE');
}

function counted(where: 'worker' | 'process', scored: Scored): Scored {
  customersScored.inc({ where }, scored.customers.length);
  return scored;
}
