import { asksAttribute, findingInWords } from './finding';

const nothing = { times: null, sum: null, countsUntil: null, value: null };

test.each([
  [{ ...nothing, times: 0 }, false, 'never'],
  [{ ...nothing, times: 1 }, false, 'once'],
  [{ ...nothing, times: 1200, sum: 1499.99 }, false, '1,200 times, 1,499.99 in all'],
  [{ ...nothing, value: 'gold' }, true, '“gold”'],
  [{ ...nothing, value: 5 }, true, '5'],
  [{ ...nothing, value: ['a'] }, true, '["a"]'],
  [nothing, true, 'nothing'],
  [nothing, false, ''],
])('what there is of a customer for a condition, %j (an attribute: %s), is told as %s', (found, isOfAttribute, words) => {
  expect(findingInWords(found, isOfAttribute)).toBe(words);
});

test('until when the first of several counts is told, and of the only one', () => {
  expect(findingInWords({ ...nothing, times: 2, countsUntil: '2026-11-29T17:25:00Z' }, false)).toMatch(/^2 times, the first counts until .*2026/);
  expect(findingInWords({ ...nothing, times: 1, countsUntil: '2026-11-29T17:25:00Z' }, false)).toMatch(/^once, counts until .*2026/);
});

test('a condition asks an attribute also where it is turned round', () => {
  const attribute = { property: 'plan', operator: 'IS_SET' } as const;
  expect([{ attribute }, { not: { not: { attribute } } }, { memberOf: 'a' }].map(asksAttribute)).toEqual([true, true, false]);
});
