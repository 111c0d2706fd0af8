import { DECK_WITHOUT_ORDERS, type Pace, type ShopEvent, type Weekdays } from './behaviours.js';
import { DAY, HOUR, MINUTE } from './options.js';
import type { Chapter } from './profile.js';
import type { Draws } from './random.js';

export interface Step {
  event: ShopEvent;
  /** Ms since the visit began. */
  after: number;
}

const SIZES = [5, 6, 7] as const;
/** Share of a day's visits by hour, UTC: lunch and evening, the same for everyone. */
const HOURS = [1, 0, 0, 0, 0, 1, 2, 4, 6, 6, 6, 7, 9, 8, 6, 5, 5, 6, 8, 10, 11, 9, 6, 3].flatMap((weight, hour) =>
  Array<number>(weight).fill(hour),
);

/** What happens in one visit: mostly what the behaviour plans, at times anything from the deck. */
export function stepsOf(chapter: Chapter, hasOrder: boolean, clutter: number, draws: Draws): Step[] {
  const behaviour = chapter.behaviours.length > 0 ? draws.pick(chapter.behaviours) : null;
  const isPlanned = behaviour !== null && !draws.chance(clutter);
  const plans = hasOrder ? behaviour?.orderVisits : behaviour?.otherVisits;
  const events = isPlanned && plans ? draws.pick(plans) : anything(hasOrder, draws);
  const pace = behaviour?.pace ?? draws.pick<Pace>(['minutes', 'hours']);
  let after = 0;
  return events.map((event, place) => {
    if (place > 0) after += Math.round(pace === 'minutes' ? draws.logNormal(3, 0.8) * MINUTE : draws.logNormal(4, 0.5) * HOUR);
    return { event, after };
  });
}

function anything(hasOrder: boolean, draws: Draws): ShopEvent[] {
  const size = draws.pick(SIZES);
  const rest = draws.shuffle(DECK_WITHOUT_ORDERS).slice(0, hasOrder ? size - 1 : size);
  return hasOrder ? draws.shuffle<ShopEvent>([...rest, 'Order Completed']) : rest;
}

/** Moves a visit to an hour at which people shop, and to the nearest weekday that the behaviour keeps to. */
export function settled(time: number, weekdays: Weekdays, ownWeekday: number, draws: Draws): number {
  const midnight = Math.floor(time / DAY) * DAY;
  const wanted = weekdays === 'own' ? [ownWeekday] : weekdays === 'tuesday-friday' ? [2, 5] : null;
  const shift = wanted === null || draws.chance(0.15) ? 0 : nearest(new Date(midnight).getUTCDay(), wanted);
  return midnight + shift * DAY + draws.pick(HOURS) * HOUR + Math.floor(draws.uniform() * HOUR);
}

/** Days, forwards or back, to the nearest of the weekdays. */
function nearest(weekday: number, wanted: readonly number[]): number {
  const shifts = wanted.map((day) => ((day - weekday + 10) % 7) - 3);
  return shifts.reduce((best, shift) => (Math.abs(shift) < Math.abs(best) ? shift : best));
}
