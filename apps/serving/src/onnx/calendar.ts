import { LRUCache } from 'lru-cache';

import type { Micros } from '../time/micros.js';

const MICROS_PER_MINUTE = 60_000_000;
const MICROS_PER_HOUR = 60 * MICROS_PER_MINUTE;
const HOURS_PER_WEEK = 168;
/** No zone has ever changed its offset but at a full quarter of an hour of UTC in the time of computers. */
const STEP = 15 * MICROS_PER_MINUTE;
const STEPS_KEPT = 10_000;

/** Hours and weekdays as people in one time zone see them. */
export class Calendar {
  private readonly offsets = new LRUCache<number, Micros>({ max: STEPS_KEPT });
  private readonly format: Intl.DateTimeFormat;

  constructor(timezone: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short',
      year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
  }

  /** Hour 0..23; weekday 0 Monday .. 6 Sunday. */
  at(time: Micros): { hour: number; weekday: number } {
    const local = time + this.offset(time);
    const hours = Math.floor(local / MICROS_PER_HOUR) + 3 * 24; // the first day of 1970 was a Thursday
    const ofWeek = ((hours % HOURS_PER_WEEK) + HOURS_PER_WEEK) % HOURS_PER_WEEK;
    return { hour: ofWeek % 24, weekday: Math.floor(ofWeek / 24) };
  }

  private offset(time: Micros): Micros {
    const step = Math.floor(time / STEP);
    const known = this.offsets.get(step);
    if (known !== undefined) return known;
    const begin = step * STEP;
    const part: Record<string, string> = {};
    for (const { type, value } of this.format.formatToParts(begin / 1_000)) part[type] = value;
    const year = part.era === 'BC' ? 1 - Number(part.year) : Number(part.year);
    const local = new Date(0);
    local.setUTCFullYear(year, Number(part.month) - 1, Number(part.day));
    local.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
    const offset = local.getTime() * 1_000 - begin;
    this.offsets.set(step, offset);
    return offset;
  }
}
