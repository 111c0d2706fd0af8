import { createHash } from 'node:crypto';
import { randomExponential, randomGamma, randomLogNormal } from 'd3-random';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/**
 * Opens the stream of draws that a path names, e.g. `(seed, customer, 'orders')`. Hashing the path, rather than
 * drawing seeds one after another, keeps a customer's life the same however many others there are.
 */
export function drawsOf(...path: (string | number)[]): Draws {
  const hash = createHash('sha256').update(path.join('/')).digest();
  return new Draws(xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => hash.readInt32LE(offset))));
}

/** Draws of one stream: the same for ever, whatever other streams have drawn. Small, since each customer keeps a few. */
export class Draws {
  readonly #generator: RandomGenerator;

  constructor(generator: RandomGenerator) {
    this.#generator = generator;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.uniform() * choices.length)];
    if (choice === undefined) throw new RangeError('Nothing to pick from');
    return choice;
  }

  shuffle<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.uniform() }));
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  }

  exponential(mean: number): number {
    return randomExponential.source(() => this.uniform())(1 / mean)();
  }

  /** The larger the shape, the more regular. */
  gamma(shape: number, mean: number): number {
    return randomGamma.source(() => this.uniform())(shape, mean / shape)();
  }

  logNormal(median: number, sigma: number): number {
    return randomLogNormal.source(() => this.uniform())(Math.log(median), sigma)();
  }
}
