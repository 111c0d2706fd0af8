import type { Rhythm } from './behaviours.js';
import { DAY } from './options.js';
import type { Draws } from './random.js';

/** Days between two visits of a stream, on average, whatever the rhythm. */
const MEAN_GAP = 132;
const BINGE = 3;
const PER_OCCASION = 2;
/** Month (0-11) and day of the gift occasions, roughly two months apart. */
const OCCASIONS = [
  [1, 14],
  [3, 15],
  [5, 16],
  [7, 25],
  [9, 31],
  [11, 24],
] as const;
const RUN_UP_DAYS = 21;

/** Days within which a newcomer has ordered once and has visited once without an order. */
const SETTLING_IN = 20;

/** Times of the visits with an order: the same law for everyone, so recency and frequency carry no behaviour. */
export function* orderTimes(start: number, draws: Draws): Generator<number, never> {
  let time = start + draws.between(0, SETTLING_IN) * DAY;
  for (;;) {
    yield time;
    time += draws.exponential(MEAN_GAP) * DAY;
  }
}

/** Times of the visits without an order: as many for every rhythm in the long run. */
export function* visitTimes(rhythm: Rhythm, start: number, draws: Draws): Generator<number, never> {
  const settled = start + draws.between(0, SETTLING_IN) * DAY;
  yield settled;
  return yield* rhythm === 'occasion' ? occasionTimes(settled, draws) : renewals(rhythm, settled, draws);
}

function* renewals(rhythm: Exclude<Rhythm, 'occasion'>, start: number, draws: Draws): Generator<number, never> {
  const size = rhythm === 'binge' ? BINGE : 1;
  const shape = { single: 1, regular: 3, binge: 1 }[rhythm];
  // A rhythm that has been going on for ever is met in the midst of a gap, and long gaps are met more often.
  const met = draws.uniform() * draws.gamma(shape + 1, (size * MEAN_GAP * (shape + 1)) / shape);
  let time = start + met * DAY;
  for (;;) {
    let visit = time;
    for (let i = 0; i < size; i += 1) {
      yield visit;
      visit += draws.gamma(2, 1) * DAY;
    }
    time = Math.max(visit, time + draws.gamma(shape, size * MEAN_GAP) * DAY);
  }
}

function* occasionTimes(start: number, draws: Draws): Generator<number, never> {
  const taken = 365.25 / (MEAN_GAP * PER_OCCASION * OCCASIONS.length);
  for (let year = new Date(start).getUTCFullYear(); ; year += 1) {
    for (const [month, day] of OCCASIONS) {
      const occasion = Date.UTC(year, month, day);
      if (occasion < start || !draws.chance(taken)) continue;
      const times = Array.from({ length: PER_OCCASION }, () => Math.max(occasion - draws.between(0, RUN_UP_DAYS) * DAY, start));
      yield* times.sort((a, b) => a - b);
    }
  }
}
