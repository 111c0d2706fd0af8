import fc from 'fast-check';

import { NOTHING_FORESEEN, packForecast, unpackForecast } from './packed.forecast.js';

const forecasts = fc.array(
  fc.record({
    event: fc.string({ unit: 'grapheme' }),
    horizonDays: fc.integer({ min: 1, max: 3_650 }),
    probability: fc.double({ min: 0, max: 1, noNaN: true }),
    expectedValue: fc.double({ min: 0, max: 1e9, noNaN: true }),
  }),
  { maxLength: 60 },
);

test('a forecast comes back in its order, to the seven digits that are kept', () => {
  fc.assert(
    fc.property(forecasts, (forecast) => {
      const back = unpackForecast(packForecast(forecast));
      expect(back.map(({ event, horizonDays }) => [event, horizonDays])).toEqual(forecast.map(({ event, horizonDays }) => [event, horizonDays]));
      back.forEach(({ probability, expectedValue }, index) => {
        expect(probability).toBe(Number(Math.fround(forecast[index]?.probability ?? Number.NaN).toPrecision(7)));
        expect(expectedValue).toBe(Number(Math.fround(forecast[index]?.expectedValue ?? Number.NaN).toPrecision(7)));
      });
    }),
  );
});

test('forecasts of one model share their shape, those of another have another', () => {
  const of = (...events: string[]) => packForecast(events.map((event) => ({ event, horizonDays: 7, probability: 0.5, expectedValue: 1 }))).shape.id;
  expect(of('A', 'B')).toBe(of('A', 'B'));
  expect(new Set([of('A', 'B'), of('B', 'A'), of('A'), of()]).size).toBe(4);
  expect(of()).toBe(NOTHING_FORESEEN.shape.id);
});
