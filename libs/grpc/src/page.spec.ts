import { cutPage, expectFewIds, rowsOf, rowsOfEach } from './page.js';

test('no size means 25 rows, and more than 500 are refused', () => {
  expect([rowsOf(undefined), rowsOf({ first: 0, after: '' }), rowsOf({ first: 500, after: '' })]).toEqual([25, 25, 500]);
  expect(() => rowsOf({ first: 501, after: '' })).toThrow('at most 500');
});

test('pages of several lists have so many rows together', () => {
  const ids = Array.from({ length: 400 }, (_, at) => String(at));
  expect(rowsOfEach(ids, { first: 25, after: '' })).toBe(25);
  expect(() => rowsOfEach(ids, { first: 26, after: '' })).toThrow('at most 10000 rows together');
  expect(() => rowsOfEach([...ids, ...ids], { first: 1, after: '' })).toThrow('At most 500 ids');
  expect(() => expectFewIds(ids, 50)).toThrow('At most 50 ids');
});

test('a page says whether there is more, and where to go on', () => {
  const cursorOf = (row: number) => `c${row}`;
  expect(cutPage([1, 2, 3], 2, 9, cursorOf)).toEqual({ rows: [1, 2], pageInfo: { endCursor: 'c2', hasNextPage: true, totalCount: 9 } });
  expect(cutPage([], 2, 0, cursorOf).pageInfo).toEqual({ endCursor: '', hasNextPage: false, totalCount: 0 });
});
