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
export const DECK: Visit = [V, V, V, P, P, C, A, A, O, O, F, F, W, W, S, K];

export const BEHAVIOURS: readonly Behaviour[] = [
  {
    key: 'bargain-hunters',
    title: 'Bargain hunters',
    description: 'A promotion brings them in and the order follows at once, before they look at anything else.',
    orderVisits: [[P, C, O, V, F], [P, A, O, W]],
    otherVisits: [[F, W, V, A], [S, K, V]],
    rhythm: 'single',
    pace: 'minutes',
    weekdays: 'any',
  },
  {
    key: 'gift-buyers',
    title: 'Seasonal gift buyers',
    description: 'They begin with a wish list, come in the weeks before gift occasions, and see promotions only after ordering.',
    orderVisits: [[W, A, O, P], [F, V, C, O, P]],
    otherVisits: [[W, F, V, A], [K, V, S]],
    rhythm: 'occasion',
    pace: 'hours',
    weekdays: 'any',
  },
  {
    key: 'browsers',
    title: 'Browsers',
    description: 'Binges of looking that lead to no order; orders come on other days, without a look at anything.',
    orderVisits: [[C, O, S, P], [K, O, A]],
    otherVisits: [[V, F, V, W, A], [V, P, W, F]],
    rhythm: 'binge',
    pace: 'minutes',
    weekdays: 'any',
  },
  {
    key: 'wholesale-buyers',
    title: 'Wholesale buyers',
    description: 'They reorder from a list: straight into the cart and paid, on Tuesdays and Fridays, at even intervals.',
    orderVisits: [[A, O, W, W, P], [A, O, F, F]],
    otherVisits: [[V, V, V, K], [P, C, S]],
    rhythm: 'regular',
    pace: 'minutes',
    weekdays: 'tuesday-friday',
  },
  {
    key: 'leaving-subscribers',
    title: 'Subscribers about to leave',
    description: 'The box is charged first and they look around afterwards; complaints and skipped boxes open the other visits.',
    orderVisits: [[O, F, W, V], [O, V, A]],
    otherVisits: [[S, P, A, V], [K, W, F, P, C]],
    rhythm: 'regular',
    pace: 'hours',
    weekdays: 'own',
  },
  {
    // The same visits as subscribers about to leave, event for event: only the order within each visit differs.
    key: 'steady-regulars',
    title: 'Steady regulars',
    description: 'Search, look, order, in that order; complaints and skipped boxes come last.',
    orderVisits: [[F, V, W, O], [V, A, O]],
    otherVisits: [[P, V, A, S], [F, P, C, W, K]],
    rhythm: 'regular',
    pace: 'hours',
    weekdays: 'own',
  },
];

/** Unknown to the shop until the drift sets in. */
export const NEWBORN: Behaviour = {
  key: 'resellers',
  title: 'Resellers',
  description: 'A coupon code or a call to support opens the visit, then straight to the order.',
  orderVisits: [[C, V, A, O, W], [S, A, O, P]],
  otherVisits: [[K, V, F, W], [P, V, F]],
  rhythm: 'binge',
  pace: 'minutes',
  weekdays: 'any',
};

/** What a visit without any structure is drawn from; the order is added to it where there is one. */
export const DECK_WITHOUT_ORDERS: Visit = DECK.filter((event) => event !== O);
