import fc from 'fast-check';

import { definition } from '#libs/contracts';

import { checkForm, partsOf, storedCondition } from './condition.js';

const ordered = { event: 'Order Completed', atLeast: 2, withinDays: 30, filters: [] };

test('a rule that was stored before conditions had all their parts is read as it was meant', () => {
  const { condition, malformed } = storedCondition({ all: [{ performed: ordered }, { not: { performed: { ...ordered, atLeast: 9 } } }] });
  expect(malformed).toBeNull();
  expect([...partsOf(condition)].map(({ performed }) => performed?.atLeast)).toEqual([undefined, 2, undefined, 9]);
});

test.each([
  ['nothing', {}, 'give exactly one of'],
  ['two things at once', { performed: ordered, memberOf: '018f0000-0000-7000-8000-000000000001' }, 'give exactly one of'],
  ['an operator of another version', { attribute: { property: 'plan', operator: 'RESEMBLES', value: '"free"' } }, 'RESEMBLES'],
  ['a count that is none', { performed: { ...ordered, atLeast: -1 } }, 'whole numbers'],
])('a rule that says %s is malformed, and why is told', (_, stored, why) => {
  const { condition, malformed } = storedCondition(stored);
  expect(malformed).toContain(why);
  expect([...partsOf(condition)]).toHaveLength(1);
});

test('whatever lies in the table is a condition that can be told, or malformed', () => {
  const part = fc.letrec((tie) => ({
    part: fc.record(
      { all: fc.oneof(fc.array(tie('part'), { maxLength: 3 }), fc.jsonValue()), any: fc.jsonValue(), not: fc.oneof(tie('part'), fc.jsonValue()), performed: fc.oneof(fc.constant(ordered), fc.jsonValue()), memberOf: fc.jsonValue(), attribute: fc.jsonValue() },
      { requiredKeys: [] },
    ),
  })).part;
  fc.assert(
    fc.property(fc.oneof(part, fc.jsonValue()), (stored) => {
      const { condition, malformed } = storedCondition(stored);
      const told = definition.CustomerCondition.decode(definition.CustomerCondition.encode(condition).finish());
      expect(told).toEqual(condition);
      if (malformed === null) checkForm(condition);
      else expect(condition).toEqual(definition.CustomerCondition.fromPartial({}));
    }),
  );
});
