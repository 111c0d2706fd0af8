const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i;
/** Numbers up to here are seconds since 1970 (until the year 5138), above it milliseconds. */
const SECONDS_UP_TO = 1e11;
const DAY_MS = 86_400_000;
/** Days that every month has. */
const SHORTEST_MONTH = 28;

/** Milliseconds since 1970, or undefined where the value is no time. A time without a zone is UTC. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) {
    return clipped(Math.abs(value) < SECONDS_UP_TO ? value * 1000 : value);
  }
  if (typeof value !== 'string') return undefined;
  const given = value.trim();
  const match = ISO.exec(given);
  if (!match || !isDay(given.slice(0, 10))) return undefined;
  const text = given.replace(' ', 'T').replace(',', '.').replace(/\s/, '');
  return clipped(Date.parse(given.length > 10 && match[1] === undefined ? `${text}Z` : text));
}

/** Date itself takes February 30th for a day of March. */
function isDay(date: string): boolean {
  const day = Number(date.slice(8));
  return day <= SHORTEST_MONTH || new Date(`${date}T00:00:00Z`).getUTCDate() === day;
}

/** Date's own bounds, so that a Date of it is always valid. */
function clipped(time: number): number | undefined {
  return Math.abs(time) <= 8.64e15 ? Math.round(time) : undefined;
}

export interface CorrectedTime {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly isClamped: boolean;
}

/**
 * Segment's clock correction: receivedAt − (sentAt − original), so that a sender whose clock is wrong is right
 * by the time that passed between happening and sending. Clamped to [1970, receivedAt + 24 h].
 */
export function correctTime(original: number | undefined, sentAt: number | undefined, receivedAt: number): CorrectedTime {
  if (original === undefined) return { time: receivedAt, isClamped: false };
  const corrected = sentAt === undefined ? original : receivedAt - (sentAt - original);
  const time = Math.min(Math.max(corrected, 0), receivedAt + DAY_MS);
  return { time, isClamped: time !== corrected };
}
