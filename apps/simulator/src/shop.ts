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
      const life = callsOf(index, this.options);
      this.#enter(life, life.next().value);
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

  /** The next call of anyone whose time has come, beyond the end of the history. */
  due(now: number): SegmentCall | undefined {
    return (this.#queue.peekValue() ?? Infinity) <= now ? this.next() : undefined;
  }

  /** One customer more, who has lived elsewhere for as long as a history is: that past. What they do later is among what is due. */
  *moveIn(index: number, now: number): Generator<SegmentCall, void> {
    const life = callsOf(index, { ...this.options, until: now });
    let following = life.next().value;
    for (; following.time <= now; following = life.next().value) yield following.call;
    this.#enter(life, following);
  }

  #enter(life: Generator<TimedCall, never>, first: TimedCall): void {
    const place = this.#lives.push(life) - 1;
    this.#pending[place] = first;
    this.#queue.push(place, first.time);
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
