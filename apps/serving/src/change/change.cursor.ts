import { z } from '#libs/config';

import { cursorFormat } from '../page/page.js';

/** Place in the feed of changes: [transaction id, sequence]. */
export type ChangePlace = readonly [number, number];

export const changeCursor = cursorFormat<ChangePlace>(z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]));
export const FIRST_PLACE: ChangePlace = [0, 0];
