/** The intake holds as much as it may: come again after a moment. */
export class IntakeFullError extends Error {
  readonly retryAfterSeconds = 1;

  constructor() {
    super('The intake is full. Send again in a moment; nothing of this request was stored.');
  }
}

/** This key sends more than it may: come again after a moment. */
export class RateLimitedError extends Error {
  constructor(
    eventsPerSecond: number,
    readonly retryAfterSeconds: number,
  ) {
    super(`This key may send ${eventsPerSecond} events a second. Send again in a moment; nothing of this request was stored.`);
  }
}

/** The database does not answer: what was sent is not known to be stored; sent again, it is stored once. */
export class IntakeUnavailableError extends Error {
  readonly retryAfterSeconds = 2;

  constructor(cause: unknown) {
    super('The event store is not reachable. Send again; an event that was stored after all is stored once.', { cause });
  }
}

const sqlState = (error: unknown): string | undefined => (error as { code?: string } | null)?.code;

/** Postgres refused the data (a value no validation foresaw), not the service. */
export function isDataRefused(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlState(error) ?? '');
}

/** Two transactions in each other's way, or two that made the same month's partition at once: the same again will do. */
export function isPassing(error: unknown): boolean {
  return ['40001', '40P01', '42P07'].includes(sqlState(error) ?? '');
}
