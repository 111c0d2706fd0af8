import type { ShopEvent } from './behaviours.js';
import { DAY, HOUR, type ShopOptions } from './options.js';
import { chapterAt, type Profile } from './profile.js';
import { drawsOf, type Draws } from './random.js';
import { orderTimes, visitTimes } from './rhythm.js';
import { settled, stepsOf } from './visit.js';

export interface Moment {
  time: number;
  event: ShopEvent | 'Order Refunded';
}

const REFUNDED = 0.04;

/** A customer's life without end, in time order: two streams of visits, with orders and without, and refunds. */
export function* momentsOf(profile: Profile, options: ShopOptions): Generator<Moment, never> {
  const draws = drawsOf(options.seed, profile.index, 'visits');
  const refundDraws = drawsOf(options.seed, profile.index, 'refunds');
  const ownWeekday = Math.floor(draws.uniform() * 7);
  const orders = orderTimes(profile.start, drawsOf(options.seed, profile.index, 'orders'));
  const others = otherTimes(profile, options);
  const refunds: number[] = [];
  let order = orders.next().value;
  let other = others.next().value;
  let idle = profile.start;
  for (;;) {
    const hasOrder = order <= other;
    const planned = hasOrder ? order : other;
    if (hasOrder) order = orders.next().value;
    else other = others.next().value;

    const chapter = chapterAt(profile, planned);
    const weekdays = chapter.behaviours[0]?.weekdays ?? 'any';
    const begin = Math.max(settled(planned, weekdays, ownWeekday, draws), idle);
    for (const { event, after } of stepsOf(chapter, hasOrder, options.clutter, draws)) {
      const time = begin + after;
      while (refunds[0] !== undefined && refunds[0] <= time) yield { time: refunds.shift() ?? time, event: 'Order Refunded' };
      yield { time, event };
      idle = time + HOUR;
      if (event === 'Order Completed') planRefund(refunds, time, refundDraws);
    }
  }
}

function planRefund(refunds: number[], ordered: number, draws: Draws): void {
  const delay = Math.round(draws.between(4, 14) * DAY);
  if (!draws.chance(REFUNDED)) return;
  refunds.push(ordered + delay);
  refunds.sort((a, b) => a - b);
}

/** One rhythm after the other, where the customer's behaviour changes on the way. */
function* otherTimes(profile: Profile, options: ShopOptions): Generator<number, never> {
  for (const [place, chapter] of profile.chapters.entries()) {
    const end = profile.chapters[place + 1]?.from ?? Infinity;
    const draws = drawsOf(options.seed, profile.index, 'rhythm', place);
    for (const time of visitTimes(chapter.behaviours[0]?.rhythm ?? 'single', chapter.from, draws)) {
      if (time >= end) break;
      yield time;
    }
  }
  throw new Error('The last chapter of a customer has no end');
}
