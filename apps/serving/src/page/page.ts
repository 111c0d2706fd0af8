import type { feed } from '#libs/contracts';
import { z } from '#libs/config';
import { foreignCursor, rowsOf, rowsOfEach } from '#libs/grpc';

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
      if (!parsed.success) throw foreignCursor();
      return parsed.data;
    },
  };
}

/** What a request asks for; throws PAGE_TOO_LARGE, and CURSOR_INVALID for a foreign cursor. */
export function pageAsked<Key>(request: feed.PageRequest | undefined, format: CursorFormat<Key>): PageAsked<Key> {
  return { first: rowsOf(request), after: request?.after ? format.read(request.after) : undefined };
}

/** The same of each of several lists; throws TOO_MANY_IDS, too. */
export function pageOfEach<Key>(ids: readonly string[], request: feed.PageRequest | undefined, format: CursorFormat<Key>): PageAsked<Key> {
  return { ...pageAsked(request, format), first: rowsOfEach(ids, request) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
