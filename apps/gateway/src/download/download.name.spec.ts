import { fileName } from './download.name.js';

test.each([
  ['Coupon-first buyers 2026-11-27', 'w/exports/e/members-1.csv', 'coupon-first-buyers-2026-11-27.csv'],
  ['Käufer "à la carte"; 2026-11-27', 'w/exports/e/members-1.parquet', 'kaufer-a-la-carte-2026-11-27.parquet'],
  ['常連', 'w/exports/e/members-1.csv', 'members.csv'],
  ['常連 2026-11-27', 'w/exports/e/members-1.csv', 'members-2026-11-27.csv'],
  ['x'.repeat(500), 'a.csv', `${'x'.repeat(80)}.csv`],
])('%j is saved under a plain name', (words, path, name) => {
  expect(fileName(words, path, 'members')).toBe(name);
});
