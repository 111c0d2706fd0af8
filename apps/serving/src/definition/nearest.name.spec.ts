import { nearestNames } from './nearest.name.js';

test('a misspelt name finds the one that was meant, and a name of its own finds none', () => {
  const known = ['revenue', 'currency', 'order_id', 'plan', 'x'.repeat(50_000)];
  const found = nearestNames(['revenu', 'Revenue', 'orderId', 'plna', 'coupon', `cur"rency`, 'pay'], known);
  expect(Object.fromEntries(found)).toEqual({ revenu: 'revenue', Revenue: 'revenue', orderId: 'order_id', plna: 'plan', 'cur"rency': 'currency' });
  expect(nearestNames(['revenu'], [])).toEqual(new Map());
});

test('of names that are as near the first of the alphabet is told, in whatever order they are known', () => {
  const nearest = (known: readonly string[]) => nearestNames(['plam'], known).get('plam');
  expect(nearest(['plan', 'play', 'Plan'])).toBe('Plan');
  expect(nearest(['Plan', 'play', 'plan'])).toBe('Plan');
});
