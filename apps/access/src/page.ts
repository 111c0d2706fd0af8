import type { feed } from '#libs/contracts';
import { cutPage, foreignCursor, rowsOf } from '#libs/grpc';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where a list of things with ids is to be cut; ids are UUIDv7, so their order is that of making. */
export interface Cut {
  readonly rows: number;
  /** Id of the row to begin after. */
  readonly after: string | undefined;
}

export function cutOf(page: feed.PageRequest | undefined): Cut {
  const rows = rowsOf(page);
  if (!page?.after) return { rows, after: undefined };
  const after = Buffer.from(page.after, 'base64url').toString('utf8');
  if (!UUID.test(after)) throw foreignCursor();
  return { rows, after };
}

/** Cuts off the one row that was read too much to learn whether there are more. */
export function pageOf<Row extends { id: string }>(found: readonly Row[], { rows }: Cut, total: number): { rows: Row[]; pageInfo: feed.PageInfo } {
  return cutPage(found, rows, total, ({ id }) => Buffer.from(id, 'utf8').toString('base64url'));
}
