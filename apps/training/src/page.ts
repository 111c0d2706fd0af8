import type { feed } from '#libs/contracts';
import { foreignCursor } from '#libs/grpc';

/** What every id looks like; another text names nothing. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The row to begin after; throws CURSOR_INVALID. */
export function cursorOf(page: feed.PageRequest | undefined, form: RegExp): string | undefined {
  const after = page?.after ?? '';
  if (after === '') return undefined;
  if (form.test(after)) return after;
  throw foreignCursor();
}
