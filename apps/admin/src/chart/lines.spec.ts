import { breakable } from './lines';

it('lines may break behind a hyphen', () => {
  expect(breakable('Coupon-first buyers')).toBe('Coupon-\uFEFFfirst buyers');
});
