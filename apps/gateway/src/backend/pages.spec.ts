import { gather } from './gathered.js';
import { type PageKey, pagesOf } from './pages.js';

const key = (id: string, more: Partial<PageKey> = {}): PageKey => ({ id, page: { first: 10, after: '' }, withTotal: false, ...more });

function counted() {
  const calls: { ids: string[]; after: string; withTotal: boolean }[] = [];
  const read = gather((keys: readonly PageKey[]) =>
    pagesOf(keys, async (ids, { page: { after }, withTotal }) => {
      calls.push({ ids, after, withTotal });
      if (after === 'nonsense') throw new Error('This cursor was not made by this list.');
      return ids.filter((id) => id !== 'absent').map((id) => [id, { rows: [`${id} after ${after}`], pageInfo: undefined }] as const);
    }),
  );
  return { calls, rows: async (...keys: PageKey[]) => (await Promise.all(keys.map(read))).map(({ rows }) => rows) };
}

test('the same page of many objects is one call, in which each is asked for once', async () => {
  const { calls, rows } = counted();
  expect(await rows(key('a'), key('b'), key('a'))).toEqual([['a after '], ['b after '], ['a after ']]);
  expect(calls).toEqual([{ ids: ['a', 'b'], after: '', withTotal: false }]);
});

test('pages that differ are calls of their own', async () => {
  const { calls, rows } = counted();
  await rows(key('a'), key('a', { withTotal: true }), key('b', { page: { first: 10, after: 'x' } }), key('c', { page: { first: 9, after: '' } }));
  expect(calls).toHaveLength(4);
});

test('pages of many rows go in calls that a message can answer', async () => {
  const { calls, rows } = counted();
  await rows(...Array.from({ length: 25 }, (_, at) => key(String(at), { page: { first: 100, after: '' } })));
  expect(calls.map(({ ids }) => ids.length)).toEqual([10, 10, 5]);
});

test('a page that fails fails for who asked for it, and for nobody else', async () => {
  const { rows } = counted();
  const [fine, wrong] = await Promise.allSettled([rows(key('a')), rows(key('a', { page: { first: 10, after: 'nonsense' } }))]);
  expect(fine).toEqual({ status: 'fulfilled', value: [['a after ']] });
  expect(wrong).toMatchObject({ status: 'rejected', reason: { message: 'This cursor was not made by this list.' } });
  await expect(rows(key('absent'))).rejects.toThrow('Nothing was answered for absent.');
});
