import { z } from '#libs/config';
import { RpcError } from '#libs/grpc';

import { type CursorFormat, cursorFormat } from '../page/page.js';

/** Place in a feed: [transaction id, sequence]. */
export type ChangePlace = readonly [number, number];

export const FIRST_PLACE: ChangePlace = [0, 0];

/** Feeds, by the names of their subscriptions. */
const FEEDS = ['membershipChanged', 'customerUnusual', 'eventUnusual'] as const;
type Feed = (typeof FEEDS)[number];

const NUMBER = z.number().int().nonnegative();
const NAMED = z.tuple([z.enum(FEEDS), NUMBER, NUMBER]);
/** As cursors were before they said which feed they are of: taken for any, since nothing tells them apart. */
const NAMELESS = z.tuple([NUMBER, NUMBER]);

export const membershipCursor = feedCursor('membershipChanged');
export const unusualCursor = feedCursor('customerUnusual');
export const unusualEventCursor = feedCursor('eventUnusual');

/** Places of all feeds look alike, so that a cursor says which one it is of. Reading another feed's throws INVALID_ARGUMENT (reason CURSOR_INVALID). */
function feedCursor(feed: Feed): CursorFormat<ChangePlace> {
  const format = cursorFormat(z.union([NAMED, NAMELESS]));
  return {
    write: ([xid, sequence]) => format.write([feed, xid, sequence]),
    read: (cursor) => {
      const place = format.read(cursor);
      if (place.length === 2) return place;
      const [own, xid, sequence] = place;
      if (own !== feed) throw cursorInvalid(`after: this cursor is of ${own}. Give the last one that ${feed} told, or none to begin now.`);
      return [xid, sequence];
    },
  };
}

export function cursorInvalid(message: string): RpcError {
  return RpcError.invalid(message, { reason: 'CURSOR_INVALID' });
}
