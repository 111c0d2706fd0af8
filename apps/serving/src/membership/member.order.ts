import { serving } from '#libs/contracts';
import { z } from '#libs/config';

import { type CursorFormat, cursorFormat } from '../page/page.js';

/** A place among members: the strength, where they are listed by it, and the customer's id. */
export type MemberPlace = readonly [strength: number | null, customerId: string];

/** In what order members are listed, of whom SQL knows `customer` and `strength`. */
export interface MemberOrder {
  readonly cursor: CursorFormat<MemberPlace>;
  readonly placeOf: (member: { readonly customerId: string; readonly strength: number }) => MemberPlace;
  readonly sort: (customer: string) => string;
  /** Whoever comes after the place of these parameters; everyone where they are null. */
  readonly after: (customer: string, [strength, id]: readonly [string, string]) => string;
}

/** Nothing changes an id, so whoever is a member throughout is on exactly one page, whatever moves meanwhile. */
const BY_ID: MemberOrder = {
  cursor: cursorFormat(z.tuple([z.null(), z.uuid()])),
  placeOf: ({ customerId }) => [null, customerId],
  sort: (customer) => customer,
  // A place has no strength here; a parameter that is named nowhere has no type.
  after: (customer, [strength, id]) => `(${strength}::float8 is null and (${id}::uuid is null or ${customer} > ${id}::uuid))`,
};

/** Strongest first, and of equal ones the lower id. */
const BY_STRENGTH: MemberOrder = {
  cursor: cursorFormat(z.tuple([z.number(), z.uuid()])),
  placeOf: ({ strength, customerId }) => [strength, customerId],
  sort: (customer) => `strength desc, ${customer}`,
  after: (customer, [strength, id]) => `(${strength}::float8 is null or (strength <= ${strength} and (strength < ${strength} or ${customer} > ${id}::uuid)))`,
};

export function memberOrder(asked: serving.MemberOrder): MemberOrder {
  return asked === serving.MemberOrder.STRENGTH ? BY_STRENGTH : BY_ID;
}
