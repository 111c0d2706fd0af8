import { definition } from '#libs/contracts';

import { inLevels, inStatements } from './rule.judge.js';

const condition = (part: definition.DeepPartial<definition.CustomerCondition>) => definition.CustomerCondition.fromPartial(part);
const over = (...ids: string[]) => condition({ all: ids.map((memberOf) => ({ memberOf })) });
const bought = condition({ performed: { event: 'Order Completed', atLeast: 1, withinDays: 1 } });
const ids = (groups: readonly (readonly { segmentId: string }[])[]) => groups.map((group) => group.map(({ segmentId }) => segmentId));

test('rules are judged after those that they name, and beside all others', () => {
  const rules = [
    { segmentId: 'top', condition: over('middle', 'bottom') },
    { segmentId: 'middle', condition: over('bottom', 'a learned one') },
    { segmentId: 'bottom', condition: bought },
    { segmentId: 'alone', condition: bought },
  ];
  expect(ids(inLevels(rules))).toEqual([['bottom', 'alone'], ['middle'], ['top']]);
});

test('rules that ask of ever have a statement of their own, so that the others read no further than their windows', () => {
  const ever = condition({ not: { performed: { event: 'Order Completed', atLeast: 1, ever: true } } });
  const rules = [ever, bought, ever, bought].map((one, at) => ({ segmentId: String(at), condition: one }));
  expect(ids(inStatements(rules, 1))).toEqual([['1', '3'], ['0', '2']]);
});

test('one statement judges as many rules as it can take, and each rule once', () => {
  const rules = Array.from({ length: 100 }, (_, at) => ({ segmentId: String(at), condition: condition({ any: Array.from({ length: 49 }, () => bought) }) }));
  const few = inStatements(rules, 1);
  expect(few.map(({ length }) => length)).toEqual(Array.from({ length: 25 }, () => 4));
  expect(ids(few).flat()).toEqual(rules.map(({ segmentId }) => segmentId));
  // However many customers: a rule is not cut.
  expect(inStatements(rules, 1_000_000)).toHaveLength(100);
  expect(inStatements([], 1)).toEqual([]);
});
