import type { feed } from '#libs/contracts';
import { cutPage, foreignCursor, rowsOf, rowsOfEach } from '#libs/grpc';

/** Where a list is to be cut. */
export interface Cut {
  readonly rows: number;
  /** Key of the row to begin after. */
  readonly after: readonly string[] | undefined;
}

/** `parts`: how many values a cursor of this list has, and what each must look like. */
export function cutOf(page: feed.PageRequest | undefined, parts: readonly RegExp[]): Cut {
  const rows = rowsOf(page);
  if (!page?.after) return { rows, after: undefined };
  const after = Buffer.from(page.after, 'base64url').toString('utf8').split('|');
  if (after.length !== parts.length || !parts.every((part, at) => part.test(after[at] ?? ''))) throw foreignCursor();
  return { rows, after };
}

/** The same of each of several lists. */
export function cutOfEach(ids: readonly string[], page: feed.PageRequest | undefined, parts: readonly RegExp[]): Cut {
  return { ...cutOf(page, parts), rows: rowsOfEach(ids, page) };
}

/** Cuts off the one row that was read too much to learn whether there are more. */
export function pageOf<Row>(found: readonly Row[], { rows }: Cut, total: number, keyOf: (row: Row) => readonly string[]): { rows: Row[]; pageInfo: feed.PageInfo } {
  return cutPage(found, rows, total, (row) => Buffer.from(keyOf(row).join('|')).toString('base64url'));
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const ISO_MICROS = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
export const INTEGER = /^\d{1,18}$/;

/** A timestamptz column as ISO 8601 in microseconds, which JavaScript's Date would cut to milliseconds. */
export const isoMicros = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
