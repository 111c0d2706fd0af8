import { amount } from './property.js';

// As the worker reads them (kindred_worker/data/features.py LARGEST): what an event claims may be larger than any sum of squares can be.
test.each([
  [12.5, 12.5], ['12.5', 12.5], [1e30, 1e30], [1e31, 1e30], [-1e300, -1e30], ['1e300', 1e30], [10n ** 40n, 1e30], ['1e400', Number.NaN], ['much', Number.NaN], [undefined, Number.NaN],
])('%s is the amount %s', (said, taken) => {
  expect(amount(said)).toBe(taken);
});
