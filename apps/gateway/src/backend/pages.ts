import type { feed } from '#libs/contracts';

import type { Gathered } from './gathered.js';

/** A page of a list that one object has, among others that are asked for theirs. */
export interface PageKey {
  readonly id: string;
  readonly page: feed.PageRequest;
  /** Else nobody counts. */
  readonly withTotal: boolean;
}

/** What a service answers with a page of its list. */
export interface ServicePage<Row> {
  readonly rows: readonly Row[];
  readonly pageInfo: feed.PageInfo | undefined;
}

/** Pages of the lists that objects of one kind have one each of. */
export type Pages<Row> = Gathered<PageKey, ServicePage<Row>>;

/** Rows in one call: the largest events of so many stay well below what a message may hold. */
const MOST_ROWS_AT_ONCE = 1_000;

/**
 * One call for all objects of which the same is asked, up to as many rows as go in one. What fails, fails for those alone that the call
 * was for: a cursor that one request made up spoils no other's answer.
 */
export async function alike<Key extends { readonly id: string }, Answer>(
  keys: readonly Key[],
  rowsOf: (key: Key) => number,
  ask: (ids: string[], like: Key) => Promise<Iterable<readonly [id: string, answer: Answer | Error]>>,
): Promise<(Answer | Error)[]> {
  const answers = new Map<string, Answer | Error>();
  const calls = [...Map.groupBy(keys, nameOfWish)].flatMap(([name, group]) =>
    group.slice(0, 1).flatMap((like) => chunks([...new Set(group.map(({ id }) => id))], MOST_ROWS_AT_ONCE / Math.max(1, rowsOf(like))).map((ids) => ({ name, like, ids }))),
  );
  await Promise.all(
    calls.map(async ({ name, like, ids }) => {
      const answered = await ask(ids, like).catch((error: Error) => ids.map((id) => [id, error] as const));
      for (const [id, answer] of answered) answers.set(`${id}|${name}`, answer);
    }),
  );
  return keys.map((key) => answers.get(`${key.id}|${nameOfWish(key)}`) ?? new Error(`Nothing was answered for ${key.id}.`));
}

/** The same of pages. */
export function pagesOf<Key extends Pick<PageKey, 'id' | 'page'>, Page>(keys: readonly Key[], ask: (ids: string[], like: Key) => Promise<Iterable<readonly [id: string, page: Page | Error]>>): Promise<(Page | Error)[]> {
  return alike(keys, ({ page }) => page.first, ask);
}

/** Tells apart what is asked of objects. */
function nameOfWish<Key extends { readonly id: string }>({ id: _id, ...wish }: Key): string {
  return JSON.stringify(wish);
}

function chunks(ids: readonly string[], most: number): string[][] {
  const size = Math.max(1, Math.floor(most));
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, at) => ids.slice(at * size, (at + 1) * size));
}
