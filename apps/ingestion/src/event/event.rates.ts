import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

import { RateLimitedError } from './event.failure.js';

/**
 * How much one key may send, so that a sender gone wild leaves room for the others. Counted in memory, by each replica
 * for itself: a check costs no round trip, and several replicas together let through as many times as much.
 */
export class EventRates {
  private readonly limiter: RateLimiterMemory;

  constructor(private readonly eventsPerSecond: number) {
    this.limiter = new RateLimiterMemory({ points: eventsPerSecond, duration: 1 });
  }

  /** Throws RateLimitedError where the key's events of this second are used up; nothing of the request is stored then. */
  async take(key: string, events: number): Promise<void> {
    // A larger request counts as a whole second: it is taken alone, and never refused for ever.
    const points = Math.min(Math.max(events, 1), this.eventsPerSecond);
    try {
      await this.limiter.consume(key, points);
    } catch (error) {
      if (error instanceof RateLimiterRes) throw new RateLimitedError(this.eventsPerSecond, Math.max(1, Math.ceil(error.msBeforeNext / 1_000)));
      throw error;
    }
  }
}
