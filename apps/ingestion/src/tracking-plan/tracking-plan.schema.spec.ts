import * as fc from 'fast-check';

import { compileSchema } from './tracking-plan.schema.js';
import { violationsOf } from './tracking-plan.violation.js';
import { SchemaError } from './tracking-plan.weight.js';

const ORDER = {
  type: 'object',
  required: ['revenue'],
  additionalProperties: false,
  properties: {
    revenue: { type: 'number', minimum: 0 },
    currency: { enum: ['EUR', 'GBP'] },
    sku: { type: 'string', pattern: '^S-[0-9]+$' },
    at: { type: 'string', format: 'date-time' },
    products: { type: 'array', items: { $ref: '#/$defs/product' } },
    payment: { anyOf: [{ type: 'object', required: ['card'] }, { type: 'null' }] },
  },
  patternProperties: { '^x_': { type: 'string' } },
  $defs: { product: { type: 'object', required: ['price'], properties: { price: { type: 'number' } } } },
};

const waysOf = (schema: unknown, properties: unknown) => {
  const errors = compileSchema(schema)(JSON.stringify(properties));
  return errors.length === 0 ? [] : violationsOf('Order', errors, false).ways.map(({ property, rule }) => `${property} ${rule}`);
};
const refusal = (schema: unknown): SchemaError => {
  try {
    compileSchema(schema);
  } catch (error) {
    if (error instanceof SchemaError) return error;
    throw error;
  }
  throw new Error('taken');
};

test('what is as declared has no violation', () => {
  expect(waysOf(ORDER, { revenue: 1, currency: 'EUR', sku: 'S-1', x_note: 'a', at: '2026-05-01T00:00:00Z', products: [{ price: 1 }], payment: null })).toEqual([]);
});

test('each property and rule is named once, whichever of the items it was', () => {
  const properties = { currency: 'USD', sku: 'S-x', x_note: 1, products: [{ price: 1 }, { price: 'a' }, {}, { price: 'b' }], other: 1, payment: {}, at: 'May' };
  expect(waysOf(ORDER, properties).sort()).toEqual([
    'at format', 'currency enum', 'other additionalProperties', 'payment anyOf', 'products[].price required', 'products[].price type', 'revenue required', 'sku pattern', 'x_note type',
  ]);
});

test('for a person, the property and the rule are named', () => {
  const { detail } = violationsOf('Order', compileSchema(ORDER)('{"revenue":"5"}'), true);
  expect(detail).toBe('"Order" is not as the tracking plan declares it: "revenue" must be number (type).');
});

test.each([
  ['a text', 'string', '', /JSON object/],
  ['an unknown keyword', { type: 'object', propertees: {} }, '', /propertees/],
  ['an unknown type', { type: 'objekt' }, '/type', /type/],
  ['an unknown type of a property', { properties: { a: { type: 'objekt' } } }, '/properties/a/type', /type/],
  ['a remote reference', { properties: { a: { $ref: 'https://example.org/schema.json' } } }, '/properties/a/$ref', /same schema/],
  ['a reference to a file', { $ref: 'file:///etc/passwd' }, '/$ref', /same schema/],
  ['a reference to itself', { $defs: { a: { items: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' }, '/$defs/a/items/$ref', /refers to itself/],
  ['a reference to the whole', { properties: { a: { $ref: '#' } } }, '/properties/a/$ref', /same schema/],
  ['a missing definition', { $ref: '#/$defs/a' }, '/$ref', /no definition "a"/],
  ['another dialect', { $schema: 'http://json-schema.org/draft-07/schema#' }, '/$schema', /2020-12/],
  ['an id', { $id: 'https://example.org/' }, '/$id', /leave "\$id" out/],
  ['uniqueItems', { properties: { a: { uniqueItems: true } } }, '/properties/a/uniqueItems', /too slow/],
  ['a look-ahead', { properties: { a: { pattern: '(?=a)b' } } }, '/properties/a/pattern', /RE2/],
  ['a back reference', { patternProperties: { '(a)\\1': true } }, '/patternProperties', /RE2/],
  ['a huge repetition', { pattern: '(a{0,64}){0,12}b' }, '/pattern', /too large/],
  ['a deep one', JSON.parse(`${'{"not":'.repeat(40)}{}${'}'.repeat(40)}`), '', /32 deep/],
  ['a large one', { description: 'x'.repeat(33_000) }, '', /bytes/],
  ['much of every item', { items: { properties: Object.fromEntries(Array.from({ length: 110 }, (_, at) => [`p${at}`, {}])) } }, '', /applied to every item/],
  ['little of every item, many times', { allOf: Array.from({ length: 60 }, () => ({ items: { type: 'string' } })), additionalProperties: { anyOf: Array.from({ length: 50 }, () => ({})) } }, '', /applied to every item/],
  ['many patterns for every property', { additionalProperties: { allOf: Array.from({ length: 12 }, () => ({ pattern: 'a' })) } }, '', /applied to every item/],
  ['a long list of values for every item', { items: { enum: Array.from({ length: 2_100 }, (_, at) => at) } }, '', /applied to every item/],
])('%s is refused and says where', (_, schema, path, message) => {
  const error = refusal(schema);
  expect([error.path, error.message]).toEqual([path, expect.stringMatching(message)]);
});

test('definitions that double one another are refused before anything is compiled', () => {
  const $defs = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`d${at}`, at === 39 ? {} : { allOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] }]));
  expect(refusal({ $ref: '#/$defs/d0', $defs }).message).toMatch(/more than 1000 keywords/);
});

test('patterns that ruin a backtracking engine are linear here', () => {
  const check = (text: string) => compileSchema({ properties: { a: { pattern: '^(a+)+$' } } })(JSON.stringify({ a: text }));
  expect(check(`${'a'.repeat(900)}!`)).toHaveLength(1);
  expect(check('a'.repeat(900))).toHaveLength(0);
  expect(check('a'.repeat(1_001))).toHaveLength(1);
});

test('an event with too many values for its schema is a violation of its own, found at once', () => {
  const schema = { properties: { list: { type: 'array', items: { allOf: Array.from({ length: 40 }, () => ({ type: 'number' })) } } } };
  const check = compileSchema(schema);
  expect(check(JSON.stringify({ list: Array.from({ length: 1_000 }, () => 1) }))).toEqual([]);
  expect(waysOf(schema, { list: Array.from({ length: 15_000 }, () => 1) })).toEqual([' size']);
});

test('whatever is declared and whatever comes, there is a check or a reason, and a bounded number of ways', () => {
  const schema = fc.letrec((tie) => ({
    schema: fc.oneof({ maxDepth: 4 }, fc.boolean(), fc.record({ type: fc.constantFrom('object', 'string', 'number', 'array', 'nonsense') }), tie('node')),
    node: fc.record(
      {
        properties: fc.dictionary(fc.string({ maxLength: 5 }), tie('schema'), { maxKeys: 3 }),
        required: fc.uniqueArray(fc.string({ maxLength: 5 }), { maxLength: 3 }),
        items: tie('schema'),
        anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
        not: tie('schema'),
        pattern: fc.string({ maxLength: 8 }),
        additionalProperties: tie('schema'),
      },
      { requiredKeys: [] },
    ),
  })).node;
  fc.assert(
    fc.property(schema, fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue()), (declared, properties) => {
      try {
        const errors = compileSchema(declared)(JSON.stringify(properties));
        if (errors.length > 0) expect(violationsOf('e', errors, true).ways.length).toBeGreaterThan(0);
        if (errors.length > 0) expect(violationsOf('e', errors, true).ways.length).toBeLessThanOrEqual(32);
      } catch (error) {
        expect(error).toBeInstanceOf(SchemaError);
      }
    }),
    { numRuns: 300 },
  );
});
