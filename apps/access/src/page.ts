import type { feed } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

const DEFAULT_ROWS = 25;
const MOST_ROWS = 500;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where a list of things with ids is to be cut; ids are UUIDv7, so their order is that of making. */
export interface Cut {
  readonly rows: number;
  /** Id of the row to begin after. */
  readonly after: string | undefined;
}

export function cutOf(page: feed.PageRequest | undefined): Cut {
  const rows = page?.first || DEFAULT_ROWS;
  if (rows > MOST_ROWS) {
    throw RpcError.invalid(`A page has at most ${MOST_ROWS} rows.`, { reason: 'PAGE_TOO_LARGE', metadata: { most: String(MOST_ROWS) } });
  }
  if (!page?.after) return { rows, after: undefined };
  const after = Buffer.from(page.after, 'base64url').toString('utf8');
  if (!UUID.test(after)) throw RpcError.invalid('This cursor was not made by this list.', { reason: 'CURSOR_INVALID' });
  return { rows, after };
}

/** Cuts off the one row that was read too much to learn whether there are more. */
export function pageOf<Row extends { id: string }>(found: Row[], { rows }: Cut, total: number): { rows: Row[]; pageInfo: feed.PageInfo } {
  const page = found.slice(0, rows);
  const last = page.at(-1);
  return {
    rows: page,
    pageInfo: {
      endCursor: last ? Buffer.from(last.id, 'utf8').toString('base64url') : '',
      hasNextPage: found.length > rows,
      totalCount: total,
    },
  };
}
