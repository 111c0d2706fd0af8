import { nearestNames } from './nearest.name.js';

test('a misspelt name finds the one that was meant, and a name of its own finds none', async () => {
  const known = ['revenue', 'currency', 'order_id', 'plan', 'x'.repeat(50_000)];
  const found = await nearestNames(['revenu', 'Revenue', 'orderId', 'plna', 'coupon', `cur"rency`], known);
  expect(Object.fromEntries(found)).toEqual({ revenu: 'revenue', Revenue: 'revenue', orderId: 'order_id', plna: 'plan', 'cur"rency': 'currency' });
  expect(await nearestNames(['revenu'], [])).toEqual(new Map());
});
