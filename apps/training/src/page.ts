import type { feed } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

/** What every id looks like; another text names nothing. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const DEFAULT_ROWS = 25;
const MOST_ROWS = 500;
const MOST_IDS = 500;
const MOST_ROWS_OF_ALL = 10_000;

/** How many rows a page has; throws PAGE_TOO_LARGE. */
export function rowsOf(page: feed.PageRequest | undefined): number {
  const first = page?.first ?? 0;
  if (first > MOST_ROWS) {
    throw RpcError.invalid(`At most ${MOST_ROWS} rows at a time; ${first} were asked for.`, { reason: 'PAGE_TOO_LARGE', metadata: { field: 'first' } });
  }
  return first === 0 ? DEFAULT_ROWS : first;
}

/** How many rows a page of each of several lists has; throws TOO_MANY_IDS and PAGE_TOO_LARGE. */
export function rowsOfEach(ids: readonly string[], page: feed.PageRequest | undefined): number {
  const first = rowsOf(page);
  expectFewIds(ids);
  if (ids.length * first > MOST_ROWS_OF_ALL) {
    throw RpcError.invalid(`Pages have at most ${MOST_ROWS_OF_ALL} rows together; ${first} were asked for of ${ids.length} lists.`, { reason: 'PAGE_TOO_LARGE', metadata: { field: 'first' } });
  }
  return first;
}

/** Throws TOO_MANY_IDS. */
export function expectFewIds(ids: readonly string[], most = MOST_IDS): void {
  if (ids.length > most) throw RpcError.invalid(`At most ${most} ids at once; ${ids.length} were given.`, { reason: 'TOO_MANY_IDS', metadata: { most: String(most) } });
}

/** The row to begin after; throws CURSOR_INVALID. */
export function cursorOf(page: feed.PageRequest | undefined, form: RegExp): string | undefined {
  const after = page?.after ?? '';
  if (after === '') return undefined;
  if (form.test(after)) return after;
  throw RpcError.invalid('This cursor was not made by this list.', { reason: 'CURSOR_INVALID', metadata: { field: 'after' } });
}

/** Cuts the row that only says that there are more. */
export function cut<Row>(rows: readonly Row[], first: number, total: number, cursor: (row: Row) => string): [Row[], feed.PageInfo] {
  const page = rows.slice(0, first);
  const last = page.at(-1);
  return [page, { endCursor: last === undefined ? '' : cursor(last), hasNextPage: rows.length > first, totalCount: total }];
}
