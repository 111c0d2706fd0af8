import type { feed } from '#libs/contracts';
import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

const DEFAULT_FIRST = 25;
const MOST = 500;
const MOST_OF_ALL = 10_000;

/** A page that was asked for: how many rows, and the key of the row to begin after. */
export interface PageAsked<Key> {
  readonly first: number;
  readonly after: Key | undefined;
}

/** An opaque cursor that holds a row's sort key. */
export interface CursorFormat<Key> {
  write(key: Key): string;
  /** Throws INVALID_ARGUMENT (reason CURSOR_INVALID). */
  read(cursor: string): Key;
}

export function cursorFormat<Key>(schema: z.ZodType<Key>): CursorFormat<Key> {
  return {
    write: (key) => Buffer.from(JSON.stringify(key)).toString('base64url'),
    read: (cursor) => {
      const parsed = schema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
      if (!parsed.success) throw RpcError.invalid('This cursor was not made by this list.', { reason: 'CURSOR_INVALID' });
      return parsed.data;
    },
  };
}

/** What a request asks for; throws INVALID_ARGUMENT for more than 500 rows or a foreign cursor. */
export function pageAsked<Key>(request: feed.PageRequest | undefined, format: CursorFormat<Key>): PageAsked<Key> {
  const first = request?.first || DEFAULT_FIRST;
  if (first > MOST) throw RpcError.invalid(`A page has at most ${MOST} rows; ${first} were asked for.`, { reason: 'PAGE_TOO_LARGE' });
  return { first, after: request?.after ? format.read(request.after) : undefined };
}

/** The same of each of several lists; throws INVALID_ARGUMENT for more than 500 of them, too, or 10,000 rows of all together. */
export function pageOfEach<Key>(ids: readonly string[], request: feed.PageRequest | undefined, format: CursorFormat<Key>): PageAsked<Key> {
  const asked = pageAsked(request, format);
  if (ids.length > MOST) throw RpcError.invalid(`At most ${MOST} ids at once; ${ids.length} were given.`, { reason: 'TOO_MANY_IDS' });
  if (ids.length * asked.first > MOST_OF_ALL) {
    throw RpcError.invalid(`Pages have at most ${MOST_OF_ALL} rows together; ${asked.first} were asked for of ${ids.length} lists.`, { reason: 'PAGE_TOO_LARGE' });
  }
  return asked;
}

/** Cuts `first` rows from a list that was read one row further, and says what lies behind. */
export function cutPage<Row>(
  rows: readonly Row[],
  first: number,
  totalCount: number,
  cursorOf: (row: Row) => string,
): { rows: readonly Row[]; pageInfo: feed.PageInfo } {
  const kept = rows.slice(0, first);
  const last = kept.at(-1);
  return { rows: kept, pageInfo: { endCursor: last === undefined ? '' : cursorOf(last), hasNextPage: rows.length > first, totalCount } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
