import type { feed } from '#libs/contracts';

import { RpcError } from './error.js';

const DEFAULT_ROWS = 25;
const MOST_ROWS = 500;
const MOST_IDS = 500;
const MOST_ROWS_OF_ALL = 10_000;

/** How many rows a page has that is asked for (feed.proto). Throws PAGE_TOO_LARGE. */
export function rowsOf(page: feed.PageRequest | undefined): number {
  const rows = page?.first || DEFAULT_ROWS;
  if (rows > MOST_ROWS) throw RpcError.invalid(`A page has at most ${MOST_ROWS} rows; ${rows} were asked for.`, { reason: 'PAGE_TOO_LARGE', metadata: { most: String(MOST_ROWS) } });
  return rows;
}

/** How many each of several lists has. Throws TOO_MANY_IDS, and PAGE_TOO_LARGE for more than 10,000 rows of all together. */
export function rowsOfEach(ids: readonly string[], page: feed.PageRequest | undefined): number {
  const rows = rowsOf(page);
  expectFewIds(ids);
  if (ids.length * rows > MOST_ROWS_OF_ALL) {
    throw RpcError.invalid(`Pages have at most ${MOST_ROWS_OF_ALL} rows together; ${rows} were asked for of ${ids.length} lists.`, { reason: 'PAGE_TOO_LARGE', metadata: { most: String(MOST_ROWS_OF_ALL) } });
  }
  return rows;
}

/** Throws TOO_MANY_IDS. */
export function expectFewIds(ids: readonly string[], most = MOST_IDS): void {
  if (ids.length > most) throw RpcError.invalid(`At most ${most} ids at once; ${ids.length} were given.`, { reason: 'TOO_MANY_IDS', metadata: { most: String(most) } });
}

/** CURSOR_INVALID: made up, or of another list. */
export function foreignCursor(): RpcError {
  return RpcError.invalid('This cursor was not made by this list.', { reason: 'CURSOR_INVALID' });
}

/** Cuts `first` rows from a list that was read one row further, and says what lies behind. */
export function cutPage<Row>(rows: readonly Row[], first: number, totalCount: number, cursorOf: (row: Row) => string): { rows: Row[]; pageInfo: feed.PageInfo } {
  const kept = rows.slice(0, first);
  const last = kept.at(-1);
  return { rows: kept, pageInfo: { endCursor: last === undefined ? '' : cursorOf(last), hasNextPage: rows.length > first, totalCount } };
}
