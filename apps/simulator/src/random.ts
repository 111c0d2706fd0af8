import { createHash } from 'node:crypto';
import { randomExponential, randomGamma, randomLogNormal } from 'd3-random';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** Draws of one named stream. The same path gives the same draws for ever, whatever other streams have drawn. */
export interface Draws {
  /** Uniform in [0, 1). */
  uniform(): number;
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<T>(choices: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
  exponential(mean: number): number;
  /** The larger the shape, the more regular. */
  gamma(shape: number, mean: number): number;
  logNormal(median: number, sigma: number): number;
}

/**
 * Opens the stream that a path names, e.g. `(seed, customer, 'orders')`. Hashing the path, rather than drawing seeds
 * one after another, keeps a customer's life the same however many others there are.
 */
export function drawsOf(...path: (string | number)[]): Draws {
  const hash = createHash('sha256').update(path.join('/')).digest();
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => hash.readInt32LE(offset)));
  const uniform = (): number => uniformFloat64(generator);
  const exponential = randomExponential.source(uniform);
  const gamma = randomGamma.source(uniform);
  const logNormal = randomLogNormal.source(uniform);

  const draws: Draws = {
    uniform,
    between: (low, high) => low + (high - low) * uniform(),
    chance: (probability) => uniform() < probability,
    pick: (choices) => {
      const choice = choices[Math.floor(uniform() * choices.length)];
      if (choice === undefined) throw new RangeError('Nothing to pick from');
      return choice;
    },
    shuffle: (items) => {
      const keyed = items.map((item) => ({ item, key: uniform() }));
      return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
    },
    exponential: (mean) => exponential(1 / mean)(),
    gamma: (shape, mean) => gamma(shape, mean / shape)(),
    logNormal: (median, sigma) => logNormal(Math.log(median), sigma)(),
  };
  return draws;
}
