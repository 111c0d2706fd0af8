import { nextOf, timetable } from './export.schedule.time.js';

const NOW = new Date('2026-11-26T03:00:00Z');
const reasonOf = (cron: string, timeZone = 'UTC', shortestMs = 300_000): unknown => {
  try {
    return timetable(cron, timeZone, shortestMs, NOW);
  } catch (error) {
    return (error as { reason: string }).reason;
  }
};

test('a schedule is read in its own time zone, over the change to summer time too', () => {
  const monday = timetable(' 0  6 * * 1 ', 'Europe/Berlin', 300_000, NOW);
  expect(monday).toEqual({ cron: '0 6 * * 1', timeZone: 'Europe/Berlin' });
  expect(nextOf(monday, NOW).toISOString()).toBe('2026-11-30T05:00:00.000Z');
  expect(nextOf(monday, new Date('2027-03-28T12:00:00Z')).toISOString()).toBe('2027-03-29T04:00:00.000Z');
});

test('no time zone means UTC', () => {
  expect(reasonOf('0 6 * * *', '')).toEqual({ cron: '0 6 * * *', timeZone: 'UTC' });
});

test.each(['', 'tomorrow', '* *', '61 * * * *', '0 6 * * 1 2026 x', '0 6 31 2 *'])('%j is no time to export at', (cron) => {
  expect(reasonOf(cron)).toBe('SCHEDULE_INVALID');
});

test('an unknown time zone is refused', () => {
  expect(reasonOf('0 6 * * *', 'Mars/Olympus')).toBe('SCHEDULE_INVALID');
});

test.each(['* * * * *', '0,2 6 * * *', '*/30 * * * * *'])('%j would come too often', (cron) => {
  expect(reasonOf(cron)).toBe('SCHEDULE_TOO_OFTEN');
});
