import { percent } from '../wording/figure';

const DAY_MS = 24 * 3600 * 1000;
/** How far back the trend looks. */
export const TREND_DAYS = 7;

export function trendFrom(asOf: string): string {
  return new Date(Date.parse(asOf) - TREND_DAYS * DAY_MS).toISOString();
}

export interface Trend {
  words: string;
  direction: 'up' | 'down' | 'level';
}

/** A segment's size against its size before; nothing where it was not there. */
export function trendOf(now: number, before: number | undefined): Trend | undefined {
  if (!before) return undefined;
  const change = (now - before) / before;
  if (Math.abs(change) < 0.005) return { words: 'level', direction: 'level' };
  return { words: `${change > 0 ? '+' : '−'}${percent(Math.abs(change))}`, direction: change > 0 ? 'up' : 'down' };
}
