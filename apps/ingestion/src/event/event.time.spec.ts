import fc from 'fast-check';

import { correctTime, parseTime } from './event.time.js';

const DAY_MS = 86_400_000;
/** 1970 to 2200. */
const moment = fc.integer({ min: 0, max: 7_258_118_400_000 });
const shift = fc.integer({ min: -10 * 365 * DAY_MS, max: 10 * 365 * DAY_MS });

test('however wrong a sender’s clock is, an event is where it was by the time between happening and sending', () => {
  fc.assert(
    fc.property(moment, fc.nat(DAY_MS * 30), shift, (receivedAt, before, wrong) => {
      const sentAt = receivedAt + wrong;
      const { time, isClamped } = correctTime(sentAt - before, sentAt, receivedAt);
      expect(time).toBe(Math.max(receivedAt - before, 0));
      expect(isClamped).toBe(receivedAt < before);
    }),
  );
});

test('a corrected time lies between 1970 and a day after arrival, and is marked where it was moved there', () => {
  const any = fc.oneof(moment, shift, fc.constantFrom(-8.64e15, 8.64e15, 0));
  fc.assert(
    fc.property(fc.option(any, { nil: undefined }), fc.option(any, { nil: undefined }), moment, (original, sentAt, receivedAt) => {
      const { time, isClamped } = correctTime(original, sentAt, receivedAt);
      expect(time >= 0 && time <= receivedAt + DAY_MS).toBe(true);
      const meant = original === undefined ? receivedAt : sentAt === undefined ? original : receivedAt - sentAt + original;
      expect(isClamped).toBe(time !== meant);
      if (!isClamped) expect(time).toBe(meant);
    }),
  );
});

test('of two events sent together the one that happened first stays first', () => {
  fc.assert(
    fc.property(moment, moment, moment, moment, (one, other, sentAt, receivedAt) => {
      const [first, second] = [Math.min(one, other), Math.max(one, other)].map((original) => correctTime(original, sentAt, receivedAt).time);
      expect(first).toBeLessThanOrEqual(second ?? Number.NaN);
    }),
  );
});

test('a moment is the same in every zone and every way of writing it', () => {
  const two = (value: number) => String(Math.trunc(value)).padStart(2, '0');
  fc.assert(
    fc.property(moment, fc.integer({ min: -14 * 60, max: 14 * 60 }), fc.constantFrom('T', ' '), fc.constantFrom(':', ''), (at, minutes, between, colon) => {
      const local = new Date(at + minutes * 60_000).toISOString().slice(0, 23).replace('T', between);
      fc.pre(/^\d{4}-/.test(local));
      const zone = `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}${colon}${two(Math.abs(minutes) % 60)}`;
      expect(parseTime(`${local}${zone}`)).toBe(at);
      expect(parseTime(new Date(at).toISOString())).toBe(at);
      expect(parseTime(new Date(at).toISOString().replace('Z', ''))).toBe(at);
    }),
  );
});

test('a day that no calendar has is no time, also where Date would take it for the next one', () => {
  const days = ['2026-02-29', '2026-02-30T10:00:00Z', '2026-04-31 10:00', '2026-06-31T10:00:00+02:00', '2026-02-32', '2026-13-01', '2026-00-10', '2026-01-00'];
  expect(days.map(parseTime)).toEqual(days.map(() => undefined));
  expect(['2024-02-29', '2026-01-31T23:59:59Z', '2000-02-29'].map(parseTime)).toEqual([1_709_164_800_000, 1_769_903_999_000, 951_782_400_000]);
});

test('a number is seconds or milliseconds, and anything else is a time or none, never a failure', () => {
  fc.assert(
    fc.property(moment, (at) => {
      const seconds = Math.floor(at / 1000);
      expect(parseTime(seconds)).toBe(seconds * 1000);
      if (at >= 1e11) expect(parseTime(at)).toBe(at);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string({ unit: 'binary' }), fc.double()), (value) => {
      const time = parseTime(value);
      expect(time === undefined || !Number.isNaN(new Date(time).getTime())).toBe(true);
    }),
  );
});
