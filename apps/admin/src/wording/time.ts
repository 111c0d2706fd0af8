// Times as people read them. Functions take `now`, so that a page's clock and a test's clock are the same thing.
const LOCALE = 'en-GB';
const day = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric' });
const moment = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
const month = new Intl.DateTimeFormat(LOCALE, { month: 'short', year: 'numeric', timeZone: 'UTC' });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' });

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "9 Dec 2011" */
export function date(at: string): string {
  return day.format(new Date(at));
}

/** "Dec 2011", of a time in UTC. */
export function monthOf(at: string): string {
  return month.format(new Date(at));
}

/** "2011", of a time in UTC. */
export function yearOf(at: string): string {
  return String(new Date(at).getUTCFullYear());
}

/** "9 Dec 2011, 12:50" */
export function dateAndTime(at: string): string {
  return moment.format(new Date(at));
}

/** "12:50:07" */
export function timeOfDay(at: string | number): string {
  return clock.format(new Date(at));
}

/** "just now", "4 minutes ago", "yesterday"; a date once it is older than a month. */
export function ago(at: string, now: number): string {
  const passed = now - new Date(at).getTime();
  const size = Math.abs(passed);
  if (size < 10 * SECOND) return 'just now';
  if (size < MINUTE) return relative.format(-Math.round(passed / SECOND), 'second');
  if (size < HOUR) return relative.format(-Math.round(passed / MINUTE), 'minute');
  if (size < DAY) return relative.format(-Math.round(passed / HOUR), 'hour');
  if (size < 31 * DAY) return relative.format(-Math.round(passed / DAY), 'day');
  return date(at);
}

/** Seconds as a length of time: "0.4 s", "42 s", "3 min 05 s", "2 h 10 min". */
export function lasting(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${String(rounded % 60).padStart(2, '0')} s`;
  return `${Math.floor(rounded / 3600)} h ${String(Math.floor((rounded % 3600) / 60)).padStart(2, '0')} min`;
}

/** How long something took, or has taken so far; nothing if it did not begin. */
export function lastingBetween(from: string | null | undefined, to: string | null | undefined, now: number): string | undefined {
  if (!from) return undefined;
  const end = to ? new Date(to).getTime() : now;
  return lasting(Math.max(0, end - new Date(from).getTime()) / SECOND);
}

/** Time left, said with the confidence it deserves: "about 3 minutes left". */
export function timeLeft(seconds: number | null | undefined): string | undefined {
  if (!seconds || seconds <= 0) return undefined;
  if (seconds < 10) return 'a few seconds left';
  if (seconds < 55) return `about ${Math.round(seconds / 5) * 5} seconds left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `about ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} left`;
  const hours = Math.round(minutes / 60);
  return `about ${hours} ${hours === 1 ? 'hour' : 'hours'} left`;
}

/** A number of days as an analyst says it: "1 day", "2 weeks", "30 days", "3 months". */
export function daysInWords(days: number): string {
  const of = (value: number, unit: string): string => `${Number(value.toFixed(1))} ${unit}${value === 1 ? '' : 's'}`;
  if (days >= 14 && days < 60 && days % 7 === 0) return of(days / 7, 'week');
  if (days < 60) return of(days, 'day');
  return of(Math.round(days / 30.4), 'month');
}
