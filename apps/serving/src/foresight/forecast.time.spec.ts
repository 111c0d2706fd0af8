import { timeOf } from './forecast.time.js';

const chances = [
  { horizonDays: 90, probability: 0.95 },
  { horizonDays: 7, probability: 0.2 },
  { horizonDays: 30, probability: 0.6 },
];

/** Of many customers whose hazard is constant within each step, the day on which a share of them has come. */
function simulated(share: number): number {
  const steps = chances.toSorted((one, other) => one.horizonDays - other.horizonDays);
  let [quiet, day] = [1, 0];
  for (const { horizonDays, probability } of steps) {
    const [from, left] = [day, quiet];
    const perHundredth = ((1 - probability) / left) ** (1 / ((horizonDays - from) * 100));
    for (; day < horizonDays - 1e-9; day += 0.01) {
      if (1 - quiet >= share) return day;
      quiet *= perHundredth;
    }
  }
  throw new Error('beyond the horizons');
}

test('the median and the range are those of customers whose hazard is constant within each step', () => {
  const { median, earliest, latest } = timeOf(chances);
  expect(median).toBeCloseTo(simulated(0.5), 1);
  expect(earliest).toBeCloseTo(simulated(0.1), 1);
  expect(latest).toBeCloseTo(simulated(0.9), 1);
});

test('what lies beyond the longest horizon is not made up', () => {
  expect(timeOf([{ horizonDays: 30, probability: 0.3 }])).toEqual({ median: null, earliest: expect.any(Number), latest: null });
  expect(timeOf([])).toEqual({ median: null, earliest: null, latest: null });
});

test('what is certain lies within its step', () => {
  const { median } = timeOf([{ horizonDays: 30, probability: 1 }]);
  expect(median).toBe(15);
});
