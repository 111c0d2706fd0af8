/**
 * What is planted. Every behaviour deals the same deck of events over four kinds of visit, two with an order and two
 * without, so that no count, no spend and no recency tells them apart; they differ in what follows what, in what opens
 * a visit (and so in what comes next, whenever one looks), and in the rhythm of the visits without an order.
 */
export type ShopEvent =
  | 'Product Viewed'
  | 'Promotion Viewed'
  | 'Coupon Applied'
  | 'Product Added'
  | 'Order Completed'
  | 'Products Searched'
  | 'Product Added to Wishlist'
  | 'Support Contacted'
  | 'Subscription Skipped';

/** When visits without an order come: one by one by chance, evenly, in binges, or before gift occasions. */
export type Rhythm = 'single' | 'regular' | 'binge' | 'occasion';
/** How long passes between the events of a visit. */
export type Pace = 'minutes' | 'hours';
export type Weekdays = 'any' | 'own' | 'tuesday-friday';
export type Visit = readonly ShopEvent[];

export interface Behaviour {
  key: string;
  title: string;
  description: string;
  /** Equally likely, and each holds exactly one order. */
  orderVisits: readonly Visit[];
  otherVisits: readonly Visit[];
  rhythm: Rhythm;
  pace: Pace;
  weekdays: Weekdays;
}

const V = 'Product Viewed';
const P = 'Promotion Viewed';
const C = 'Coupon Applied';
const A = 'Product Added';
const O = 'Order Completed';
const F = 'Products Searched';
const W = 'Product Added to Wishlist';
const S = 'Support Contacted';
const K = 'Subscription Skipped';

/** The events of four visits, the same for every behaviour. */
export const DECK: Visit = [V, V, V, V, P, P, P, P, A, A, A, A, W, W, W, W, O, O, C, C, F, F, S, K];

export const BEHAVIOURS: readonly Behaviour[] = [
  {
    key: 'bargain-hunters',
    title: 'Bargain hunters',
    description: 'A promotion brings them in and the order follows at once; what they look at and wish for leads to no order.',
    orderVisits: [
      [P, C, O, A, A, F],
      [P, A, C, O, F, A],
    ],
    otherVisits: [
      [P, V, V, V, V, S],
      [W, W, P, W, W, K],
    ],
    rhythm: 'single',
    pace: 'minutes',
    weekdays: 'any',
  },
  {
    key: 'gift-buyers',
    title: 'Seasonal gift buyers',
    description: 'They begin with the wish list and come in the weeks before gift occasions, ending with the order.',
    orderVisits: [
      [W, C, A, A, O, F],
      [W, F, A, C, A, O],
    ],
    otherVisits: [
      [S, P, P, W, P, P],
      [W, V, V, V, V, K],
    ],
    rhythm: 'occasion',
    pace: 'hours',
    weekdays: 'any',
  },
  {
    key: 'browsers',
    title: 'Browsers',
    description: 'Binges of looking and wishing that lead to no order; orders come on other days, without a look at anything.',
    orderVisits: [
      [C, O, P, A, P, A],
      [C, P, O, A, A, P],
    ],
    otherVisits: [
      [V, V, W, W, F, S],
      [V, W, V, W, F, K],
    ],
    rhythm: 'binge',
    pace: 'minutes',
    weekdays: 'any',
  },
  {
    key: 'wholesale-buyers',
    title: 'Wholesale buyers',
    description: 'They reorder from a list: first the cart, then the payment, then a look around, on Tuesdays and Fridays.',
    orderVisits: [
      [A, O, C, F, V, V],
      [A, C, O, V, V, F],
    ],
    otherVisits: [
      [A, P, P, P, P, K],
      [W, W, A, W, W, S],
    ],
    rhythm: 'regular',
    pace: 'minutes',
    weekdays: 'tuesday-friday',
  },
  {
    key: 'leaving-subscribers',
    title: 'Subscribers about to leave',
    description: 'The box is charged first and they look around afterwards; complaints and skipped boxes open the other visits.',
    orderVisits: [
      [O, A, A, A, A, V],
      [O, W, W, F, F, V],
    ],
    otherVisits: [
      [K, P, P, P, P, V],
      [S, C, C, W, W, V],
    ],
    rhythm: 'single',
    pace: 'hours',
    weekdays: 'own',
  },
  {
    // The same visits as subscribers about to leave, event for event: only the order within each visit differs.
    key: 'steady-regulars',
    title: 'Steady regulars',
    description: 'They look first and order last; complaints and skipped boxes come last too.',
    orderVisits: [
      [V, A, A, A, A, O],
      [F, F, V, W, W, O],
    ],
    otherVisits: [
      [V, P, P, P, P, K],
      [V, W, W, C, C, S],
    ],
    rhythm: 'single',
    pace: 'hours',
    weekdays: 'own',
  },
];

/** Unknown to the shop until the drift sets in. */
export const NEWBORN: Behaviour = {
  key: 'resellers',
  title: 'Resellers',
  description: 'A coupon code opens the visit and the order follows; complaints and skipped boxes open the other visits.',
  orderVisits: [
    [C, A, O, V, P, W],
    [C, O, A, V, P, W],
  ],
  otherVisits: [
    [K, W, A, V, P, F],
    [S, F, P, V, A, W],
  ],
  rhythm: 'binge',
  pace: 'minutes',
  weekdays: 'any',
};

/** What a visit without any structure is drawn from; the order is added to it where there is one. */
export const DECK_WITHOUT_ORDERS: Visit = DECK.filter((event) => event !== O);
