import fc from 'fast-check';

import { Curve, CURVE_POINTS } from './run.curve.js';

describe('a curve', () => {
  it('keeps short curves as they are', () => {
    const curve = new Curve();
    for (let step = 1; step <= 300; step++) curve.add(step, 1 / step);
    expect(curve.steps).toHaveLength(300);
    expect(curve.values.at(-1)).toBe(1 / 300);
  });

  it('never holds more than 500 points, rises in steps, and ends with the newest', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 3_000 }), (strides) => {
        const curve = new Curve();
        let step = 0;
        for (const stride of strides) curve.add((step += stride), step * 2);
        expect(curve.steps.length).toBeLessThanOrEqual(CURVE_POINTS);
        expect(curve.steps).toEqual([...curve.steps].sort((a, b) => a - b));
        expect(curve.steps.at(-1)).toBe(step);
        expect(curve.values).toEqual(curve.steps.map((kept) => kept * 2));
      }),
    );
  });

  it('spreads its points evenly over a long training', () => {
    const curve = new Curve();
    for (let step = 1; step <= 100_000; step++) curve.add(step, 0);
    const { steps } = curve;
    expect(steps.length).toBeGreaterThan(CURVE_POINTS / 3);
    const gaps = steps.slice(1, -1).map((step, index) => step - (steps[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(4 * Math.min(...gaps));
  });

  it('drops what came after the step that a resumed training begins with', () => {
    const curve = new Curve([1, 2, 3, 4, 5].map((step) => ({ step, value: 1 })));
    curve.add(3, 9);
    expect(curve.steps).toEqual([1, 2, 3]);
    expect(curve.values).toEqual([1, 1, 9]);
  });
});
