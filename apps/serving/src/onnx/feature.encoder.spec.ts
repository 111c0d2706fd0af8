import { readFileSync } from 'node:fs';

import { z } from '#libs/config';

import { featureSpec } from './feature.declaration.js';
import { FeatureEncoder } from './feature.encoder.js';

const numbers = z.array(z.number().nullable());
const golden = z
  .object({
    features: featureSpec,
    cases: z.array(
      z.object({
        title: z.string(),
        event: z.object({ name: z.string(), occurredAt: z.number(), properties: z.string() }),
        expected: z.object({
          name: z.number(),
          categories: z.array(z.number()),
          numbers,
          hour: z.number(),
          weekday: z.number(),
          lists: z.array(z.object({ categories: z.array(z.array(z.number())), means: numbers })),
        }),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync('libs/contracts/golden/features.json', 'utf8')));

const encoder = new FeatureEncoder(golden.features);
const rounded = (values: readonly number[]) => values.map((value) => (Number.isNaN(value) ? null : value));
const near = (values: readonly (number | null)[]) => values.map((value) => (value === null ? null : (expect.closeTo(value, 5) as unknown)));

test.each(golden.cases)('an event is encoded as the worker encodes it: $title', ({ event, expected }) => {
  const { time, numbers: found, lists, ...rest } = encoder.encode({ ...event, properties: Buffer.from(event.properties) });
  const { numbers: wanted, lists: wantedLists, ...others } = expected;
  expect(time).toBe(event.occurredAt);
  expect(rest).toEqual(others);
  expect(rounded(found)).toEqual(near(wanted));
  expect(lists.map(({ categories }) => categories)).toEqual(wantedLists.map(({ categories }) => categories));
  expect(lists.map(({ means }) => rounded(means))).toEqual(wantedLists.map(({ means }) => near(means)));
});

test('no more items are read of an event than the features say', () => {
  const few = new FeatureEncoder({ ...golden.features, itemLimit: 2 });
  const properties = Buffer.from(JSON.stringify({ products: [{ sku: 'A1' }, { sku: 'B2' }, { sku: 'A1' }] }));
  expect(few.encode({ name: 'Order Completed', occurredAt: 0, properties }).lists[0]?.categories).toEqual([[1], [2]]);
});

test.each(['[1]', '{"a":', 'null'])('properties that are no JSON object are refused: %s', (text) => {
  expect(() => encoder.encode({ name: 'Order Completed', occurredAt: 0, properties: Buffer.from(text) })).toThrow(SyntaxError);
});
