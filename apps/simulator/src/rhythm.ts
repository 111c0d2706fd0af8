import type { Rhythm } from './behaviours.js';
import { DAY } from './options.js';
import type { Draws } from './random.js';

/** Days between two visits of a stream, on average, whatever the rhythm. */
export const MEAN_GAP = 125;
const BURST = 3;
/** Month (0-11) and day of the gift occasions, roughly two months apart. */
const OCCASIONS = [[1, 14], [3, 15], [5, 16], [7, 25], [9, 31], [11, 24]] as const;
const RUN_UP_DAYS = 21;

/** Times of the visits with an order: the same law for everyone, so recency and frequency carry no behaviour. */
export function* orderTimes(start: number, draws: Draws): Generator<number, never> {
  let time = start + draws.between(0, 20) * DAY;
  for (;;) {
    yield time;
    time += draws.exponential(MEAN_GAP) * DAY;
  }
}

/** Times of the visits without an order: as many for every rhythm in the long run. */
export function* visitTimes(rhythm: Rhythm, start: number, draws: Draws): Generator<number, never> {
  if (rhythm === 'occasion') return yield* occasionTimes(start, draws);
  const size = rhythm === 'binge' ? BURST : 1;
  const shape = { single: 1, regular: 3, binge: 1 }[rhythm];
  let time = start + draws.between(0, size * MEAN_GAP) * DAY;
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
  const taken = 365.25 / (MEAN_GAP * BURST * OCCASIONS.length);
  for (let year = new Date(start).getUTCFullYear(); ; year += 1) {
    for (const [month, day] of OCCASIONS) {
      const occasion = Date.UTC(year, month, day);
      const times = Array.from({ length: BURST }, () => occasion - draws.between(0, RUN_UP_DAYS) * DAY);
      if (!draws.chance(taken)) continue;
      for (const time of times.sort((a, b) => a - b)) if (time >= start) yield time;
    }
  }
}
