import { findingInWords } from './finding';

const nothing = { times: null, sum: null, countsUntil: null, value: null };

test.each([
  [{ ...nothing, times: 0 }, 'never'],
  [{ ...nothing, times: 1 }, 'once'],
  [{ ...nothing, times: 1200, sum: 1499.99 }, '1,200 times, 1,499.99 in all'],
  [{ ...nothing, value: 'gold' }, '“gold”'],
  [{ ...nothing, value: 5 }, '5'],
  [{ ...nothing, value: ['a'] }, '["a"]'],
  [nothing, ''],
])('what there is of a customer for a condition, %j, is told as %s', (found, words) => {
  expect(findingInWords(found)).toBe(words);
});

test('until when the first of several counts is told, and of the only one', () => {
  expect(findingInWords({ ...nothing, times: 2, countsUntil: '2026-11-29T17:25:00Z' })).toMatch(/^2 times, the first counts until .*2026/);
  expect(findingInWords({ ...nothing, times: 1, countsUntil: '2026-11-29T17:25:00Z' })).toMatch(/^once, counts until .*2026/);
});
