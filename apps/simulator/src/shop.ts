import FlatQueue from 'flatqueue';
import { callsOf, type TimedCall } from './customer.js';
import { shopOptions, type ShopOptions } from './options.js';
import type { SegmentCall } from './segment-call.js';

/**
 * Everyone's calls merged in time order. Holds one pending call and one open life per customer, so memory grows with
 * the customers and not with the events.
 */
export class Shop {
  readonly options: ShopOptions;
  readonly #lives: Generator<TimedCall, never>[] = [];
  readonly #pending: TimedCall[] = [];
  readonly #queue = new FlatQueue();

  constructor(options: Partial<ShopOptions> = {}) {
    this.options = shopOptions(options);
    for (let index = 0; index < this.options.customers; index += 1) {
      this.#lives.push(callsOf(index, this.options));
      this.#refill(index);
    }
  }

  /** The calls up to the end of the history; what is left stays for `next`. */
  *history(): Generator<SegmentCall, void> {
    while ((this.#queue.peekValue() ?? Infinity) < this.options.until) yield this.next();
  }

  /** The next call of anyone, also beyond the end of the history. */
  next(): SegmentCall {
    const index = this.#queue.pop();
    const pending = index === undefined ? undefined : this.#pending[index];
    if (index === undefined || pending === undefined) throw new Error('A shop without customers has no events');
    this.#refill(index);
    return pending.call;
  }

  #refill(index: number): void {
    const following = this.#lives[index]?.next().value;
    if (following === undefined) return;
    this.#pending[index] = following;
    this.#queue.push(index, following.time);
  }
}

/** The whole history, in time order. */
export function generate(options: Partial<ShopOptions> = {}): Generator<SegmentCall, void> {
  return new Shop(options).history();
}
