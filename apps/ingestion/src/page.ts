import type { feed } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

const DEFAULT_ROWS = 25;
const MOST_ROWS = 500;
const MOST_IDS = 500;
const MOST_ROWS_OF_ALL = 10_000;

/** Where a list is to be cut. */
export interface Cut {
  readonly rows: number;
  /** Key of the row to begin after. */
  readonly after: readonly string[] | undefined;
}

/** `parts`: how many values a cursor of this list has, and what each must look like. */
export function cutOf(page: feed.PageRequest | undefined, parts: readonly RegExp[]): Cut {
  const rows = page?.first || DEFAULT_ROWS;
  if (rows > MOST_ROWS) {
    throw RpcError.invalid(`A page has at most ${MOST_ROWS} rows.`, { reason: 'PAGE_TOO_LARGE', metadata: { most: String(MOST_ROWS) } });
  }
  if (!page?.after) return { rows, after: undefined };
  const after = Buffer.from(page.after, 'base64url').toString('utf8').split('|');
  if (after.length !== parts.length || !parts.every((part, at) => part.test(after[at] ?? ''))) {
    throw RpcError.invalid('This cursor was not made by this list.', { reason: 'CURSOR_INVALID' });
  }
  return { rows, after };
}

/** The same of each of several lists. */
export function cutOfEach(ids: readonly string[], page: feed.PageRequest | undefined, parts: readonly RegExp[]): Cut {
  const cut = cutOf(page, parts);
  expectFewIds(ids);
  if (ids.length * cut.rows > MOST_ROWS_OF_ALL) {
    throw RpcError.invalid(`Pages have at most ${MOST_ROWS_OF_ALL} rows together; ${cut.rows} were asked for of ${ids.length} lists.`, { reason: 'PAGE_TOO_LARGE' });
  }
  return cut;
}

/** Throws INVALID_ARGUMENT (reason TOO_MANY_IDS). */
export function expectFewIds(ids: readonly string[]): void {
  if (ids.length > MOST_IDS) throw RpcError.invalid(`At most ${MOST_IDS} ids at once; ${ids.length} were given.`, { reason: 'TOO_MANY_IDS' });
}

/** Cuts off the one row that was read too much to learn whether there are more. */
export function pageOf<Row>(found: readonly Row[], { rows }: Cut, total: number, keyOf: (row: Row) => readonly string[]): { rows: Row[]; pageInfo: feed.PageInfo } {
  const page = found.slice(0, rows);
  const last = page.at(-1);
  return {
    rows: page,
    pageInfo: {
      endCursor: last === undefined ? '' : Buffer.from(keyOf(last).join('|')).toString('base64url'),
      hasNextPage: found.length > rows,
      totalCount: total,
    },
  };
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const ISO_MICROS = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
export const INTEGER = /^\d{1,18}$/;

/** A timestamptz column as ISO 8601 in microseconds, which JavaScript's Date would cut to milliseconds. */
export const isoMicros = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
