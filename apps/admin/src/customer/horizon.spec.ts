import { horizonsOf, usualHorizon } from './horizon';

describe('the horizons of a forecast', () => {
  it('are told once each, shortest first', () => {
    expect(horizonsOf([{ horizonDays: 120 }, { horizonDays: 30 }, { horizonDays: 120 }, { horizonDays: 90 }])).toEqual([30, 90, 120]);
  });

  it.each([
    [[7, 30, 90], 30],
    [[1, 90, 365], 90],
    [[2, 14], 14],
    [[], undefined],
  ])('of %j begin with the one nearest to a month', (horizons, first) => {
    expect(usualHorizon(horizons)).toBe(first);
  });
});
