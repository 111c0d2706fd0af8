import { readFileSync } from 'node:fs';
import { z } from 'zod';

import { Calendar } from '../onnx/calendar.js';
import { figuresOf, fittingTraits } from './own.figures.js';
import { pauseBetweenVisits, visitsOf } from './visit.js';

const MICROS = 1_000_000;
const HOUR = 3_600 * MICROS;
const golden = z
  .object({
    timezone: z.string(),
    readAt: z.number(),
    mainEvents: z.array(z.string()),
    lives: z.array(z.array(z.tuple([z.string(), z.number()]))),
    pause: z.number(),
    figures: z.record(z.string(), z.array(z.number().nullable())),
  })
  .parse(JSON.parse(readFileSync('libs/contracts/golden/portrait.json', 'utf8')));

const event = (name: string, occurredAt: number) => ({ name, occurredAt, properties: Buffer.from('{}') });
const lives = golden.lives.map((life) => life.map(([name, at]) => event(name, at * MICROS)));

test('a customer is counted as the worker counts who a segment is told apart by', () => {
  const counting = { mainEvents: new Set(golden.mainEvents), pause: golden.pause, calendar: new Calendar(golden.timezone) };
  const figures = lives.map((life) => figuresOf(life, golden.readAt * MICROS, counting));
  for (const [key, expected] of Object.entries(golden.figures)) {
    const counted = figures.map((figure) => figure(key));
    for (const [index, value] of expected.entries()) {
      if (value === null) expect({ key, index, counted: counted[index] }).toEqual({ key, index, counted: undefined });
      else expect({ key, index, isSame: Math.abs((counted[index] ?? NaN) - value) < 1e-5 }).toEqual({ key, index, isSame: true });
    }
  }
  expect(figures[0]?.('value_mean')).toBeUndefined();
});

test('visits are told apart by the pause that the worker finds', () => {
  const pause = pauseBetweenVisits(lives) ?? 0;
  expect(Math.abs(pause / golden.pause - 1)).toBeLessThan(0.01);
  expect(visitsOf([event('a', 0), event('b', pause), event('c', 2 * pause + 1)], pause).map((visit) => visit.map(({ name }) => name))).toEqual([['a', 'b'], ['c']]);
});

test('nothing is said of visits where the gaps between events are of one kind', () => {
  const hourly = [Array.from({ length: 400 }, (_, index) => event('Reading', index * HOUR))];
  expect(pauseBetweenVisits(hourly)).toBeUndefined();
  expect(pauseBetweenVisits(lives.slice(0, 2))).toBeUndefined();
  const figure = figuresOf(hourly[0] ?? [], 400 * HOUR, { mainEvents: new Set(), pause: undefined, calendar: new Calendar('UTC') });
  expect([figure('opening:Reading'), figure('visit_size'), figure('event_share:Reading')]).toEqual([undefined, undefined, 1]);
});

test('a trait fits who is nearer to the segment than to everyone else, and what is foreseen is no count', () => {
  const traits = [
    { key: 'opening:a', segmentValue: 0.6, restValue: 0.1 },
    { key: 'expected:a', segmentValue: 0.6, restValue: 0.1 },
    { key: 'price', segmentValue: 5, restValue: 9 },
  ];
  const own: Record<string, number> = { 'opening:a': 0.5, 'expected:a': 0.2 };
  expect(fittingTraits(traits, (key) => own[key])).toEqual([
    { key: 'opening:a', value: 0.5, fits: true, isEstimate: false },
    { key: 'expected:a', value: 0.2, fits: false, isEstimate: true },
  ]);
});
