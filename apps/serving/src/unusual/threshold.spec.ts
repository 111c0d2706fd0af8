import { customerThreshold, measuredThreshold, noveltyAt, quantileOf } from './threshold.js';

const reach = { quantiles: [0.5, 0.9, 0.99, 0.999], novelty: [0.06, 0.2, 0.4, 0.7], measuredOn: 1_000, usual: 0.99 };
const NOTHING = { quantile: null, threshold: null };

test('the model says what is usual unless the workspace does', () => {
  expect(customerThreshold(reach, NOTHING)).toEqual({ threshold: 0.4, quantile: 0.99, isOverridden: false });
  expect(customerThreshold(reach, { quantile: 0.9, threshold: null })).toEqual({ threshold: 0.2, quantile: 0.9, isOverridden: true });
  expect(customerThreshold(reach, { quantile: null, threshold: 0.4 })).toEqual({ threshold: 0.4, quantile: expect.closeTo(0.99, 9), isOverridden: true });
});

test('without a measure there is a threshold only where the workspace says the novelty itself', () => {
  expect(customerThreshold(undefined, NOTHING)).toBeUndefined();
  expect(customerThreshold(undefined, { quantile: 0.9, threshold: null })).toBeUndefined();
  expect(customerThreshold(undefined, { quantile: null, threshold: 0.8 })).toEqual({ threshold: 0.8, quantile: undefined, isOverridden: true });
});

test('a novelty of customers that the workspace says is none of events', () => {
  expect(measuredThreshold(reach, { quantile: null, threshold: 0.8 })).toEqual({ threshold: 0.4, quantile: 0.99, isOverridden: false });
});

test.each([
  [0.5, 0.06],
  [0.9, 0.2],
  [1 - 10 ** -1.5, 0.3],
  [0.9999, 0.7],
])('between measured shares novelty follows the order of magnitude of what lies beyond: %d', (quantile, novelty) => {
  expect(noveltyAt(reach, quantile)).toBeCloseTo(novelty, 9);
});

test('the share below a novelty is found again, and none beyond what was measured', () => {
  expect(quantileOf(reach, 0.3)).toBeCloseTo(1 - 10 ** -1.5, 9);
  expect(quantileOf(reach, 0.01)).toBeCloseTo(0.5, 9);
  expect(quantileOf(reach, 1)).toBeCloseTo(0.999, 9);
  expect(quantileOf({ ...reach, novelty: [0.06, 0.2, 1, 1] }, 1)).toBeCloseTo(0.99, 9);
});
