/** Microseconds since 1970 UTC, as the worker and Postgres count; a double holds them exactly until 2255. */
export type Micros = number;

export const MICROS_PER_SECOND = 1_000_000;

export function nowMicros(): Micros {
  return Date.now() * 1_000;
}

/** ISO 8601 with all six decimals, for Postgres. */
export function isoOf(micros: Micros): string {
  const millis = Math.floor(micros / 1_000);
  const rest = String(micros - millis * 1_000).padStart(3, '0');
  return new Date(millis).toISOString().replace('Z', `${rest}Z`);
}

export function microsOf(iso: string): Micros {
  return Date.parse(iso) * 1_000;
}

/** SQL that reads a timestamptz as Micros. */
export function microsSql(expression: string): string {
  return `(extract(epoch from ${expression}) * 1000000)::float8`;
}
