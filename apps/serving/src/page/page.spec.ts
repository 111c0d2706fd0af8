import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

import { cursorFormat, cutPage, pageAsked, pageOfEach } from './page.js';

const format = cursorFormat(z.tuple([z.number(), z.string()]));

test('a cursor gives back the key it was made of, to the last digit of a double', () => {
  const key: [number, string] = [0.1 + 0.2, '0190c7a4-0000-7000-8000-000000000001'];
  expect(format.read(format.write(key))).toEqual(key);
});

test.each(['', 'x', '%%%', Buffer.from('{"a":1}').toString('base64url'), Buffer.from('[1]').toString('base64url')])(
  'the foreign cursor %p is refused and not guessed at',
  (cursor) => {
    expect(() => format.read(cursor)).toThrow(RpcError);
  },
);

test('no size means 25 rows, and more than 500 are refused', () => {
  expect(pageAsked(undefined, format)).toEqual({ first: 25, after: undefined });
  expect(() => pageAsked({ first: 501, after: '' }, format)).toThrow('at most 500');
});

test('pages of several lists have so many rows together', () => {
  const ids = Array.from({ length: 400 }, (_, at) => String(at));
  expect(pageOfEach(ids, { first: 25, after: '' }, format)).toEqual({ first: 25, after: undefined });
  expect(() => pageOfEach(ids, { first: 26, after: '' }, format)).toThrow('at most 10000 rows together');
  expect(() => pageOfEach([...ids, ...ids], { first: 1, after: '' }, format)).toThrow('At most 500 ids');
});

test('a page says whether there is more, and where to go on', () => {
  const cursorOf = (row: number) => `c${row}`;
  expect(cutPage([1, 2, 3], 2, 9, cursorOf)).toEqual({ rows: [1, 2], pageInfo: { endCursor: 'c2', hasNextPage: true, totalCount: 9 } });
  expect(cutPage([], 2, 0, cursorOf).pageInfo).toEqual({ endCursor: '', hasNextPage: false, totalCount: 0 });
});
