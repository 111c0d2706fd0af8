import { CronExpressionParser } from 'cron-parser';

import { RpcError } from '#libs/grpc';

/** When a schedule is due: a cron expression read in a time zone. */
export interface Timetable {
  readonly cron: string;
  readonly timeZone: string;
}

/** Next times that are looked at to see how close they come. */
const LOOKED_AT = 24;

/**
 * A timetable as it is kept. Throws INVALID_ARGUMENT: SCHEDULE_INVALID for what is no cron expression or time zone,
 * SCHEDULE_TOO_OFTEN where two of its times are closer than `shortestMs`.
 */
export function timetable(cron: string, timeZone: string, shortestMs: number, now = new Date()): Timetable {
  const table = { cron: cron.trim().replaceAll(/\s+/g, ' '), timeZone: timeZone.trim() || 'UTC' };
  if (!isTimeZone(table.timeZone)) {
    throw RpcError.invalid(`timeZone: "${table.timeZone}" is not known. Give an IANA name, like Europe/Berlin.`, { reason: 'SCHEDULE_INVALID' });
  }
  // The parser takes fewer fields and fills them in; a schedule says what it means.
  const fields = table.cron.split(' ').length;
  if (fields < 5 || fields > 6) throw invalid(`it has ${fields} fields`);
  const times = timesOf(table, now);
  const tooClose = times.findIndex((time, at) => at > 0 && time - (times[at - 1] ?? 0) < shortestMs);
  if (tooClose !== -1) {
    throw RpcError.invalid(`cron: "${table.cron}" comes more often than every ${shortestMs / 1_000} seconds. Give times that lie further apart.`, { reason: 'SCHEDULE_TOO_OFTEN' });
  }
  return table;
}

export function nextOf({ cron, timeZone }: Timetable, now = new Date()): Date {
  return CronExpressionParser.parse(cron, { tz: timeZone, currentDate: now }).next().toDate();
}

function timesOf({ cron, timeZone }: Timetable, now: Date): number[] {
  try {
    const expression = CronExpressionParser.parse(cron, { tz: timeZone, currentDate: now });
    return Array.from({ length: LOOKED_AT }, () => expression.next().getTime());
  } catch (error) {
    throw invalid((error as Error).message);
  }
}

function invalid(what: string): RpcError {
  return RpcError.invalid(`cron: ${what}. Give minute, hour, day of the month, month and day of the week, like "0 6 * * 1".`, { reason: 'SCHEDULE_INVALID' });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
