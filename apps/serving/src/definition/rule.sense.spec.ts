import fc from 'fast-check';

import { definition } from '#libs/contracts';

import type { Condition } from './condition.js';
import { senselessIn } from './rule.sense.js';

const { PropertyOperator: Operator } = definition;
const condition = (part: object): Condition => definition.CustomerCondition.fromPartial(part);
const did = (withinDays: number, times: { atLeast?: number; atMost?: number }, filters: object[] = [], event = 'Order') => condition({ performed: { event, withinDays, ...times, filters } });
const price = (operator: definition.PropertyOperator, value: unknown) => ({ property: 'price', operator, value: JSON.stringify(value) });
const plan = (value: string) => condition({ attribute: { property: 'plan', operator: Operator.EQUALS, value: JSON.stringify(value) } });
const [one, other] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
const isIn = (memberOf: string) => condition({ memberOf });
const not = (part: Condition) => condition({ not: part });

test.each<[string, Condition, [string, string][]]>([
  ['at least 0 times', did(7, { atLeast: 0 }), [['condition', 'always']]],
  ['not at least 0 times', not(did(7, { atLeast: 0 })), [['condition.not', 'always']]],
  ['more and fewer times', condition({ all: [did(30, { atLeast: 5 }), did(30, { atMost: 2 })] }), [['condition', 'never']]],
  ['more lately than in all', condition({ all: [did(7, { atLeast: 3 }), plan('gold'), condition({ all: [did(30, { atMost: 2 })] })] }), [['condition', 'never']]],
  ['fewer lately than in all', condition({ all: [did(7, { atMost: 2 }), did(30, { atLeast: 3 })] }), []],
  ['dear ones and none at all', condition({ all: [did(7, { atLeast: 1 }, [price(Operator.AT_LEAST, 5)]), did(7, { atMost: 0 })] }), [['condition', 'never']]],
  ['some, but no dear ones', condition({ all: [did(7, { atLeast: 1 }), did(7, { atMost: 0 }, [price(Operator.AT_LEAST, 5)])] }), []],
  ['this and not this', condition({ all: [did(7, { atLeast: 1 }), not(did(7, { atLeast: 1 }))] }), [['condition', 'never']]],
  ['this or not this', condition({ any: [did(7, { atLeast: 1 }), not(did(7, { atLeast: 1 }))] }), [['condition', 'always']]],
  ['not: this or not this', not(condition({ any: [plan('gold'), not(plan('gold'))] })), [['condition.not', 'always']]],
  ['two learned segments', condition({ all: [isIn(one), isIn(other)] }), [['condition', 'never']]],
  ['one of two learned segments', condition({ any: [isIn(one), isIn(other)] }), []],
  ['in and out of a segment', condition({ all: [isIn(one), not(isIn(one))] }), [['condition', 'never']]],
  ['two plans', condition({ all: [plan('gold'), plan('club')] }), [['condition', 'never']]],
  ['one of two plans', condition({ any: [plan('gold'), plan('club')] }), []],
  ['dearer and cheaper at once', did(7, { atLeast: 1 }, [price(Operator.AT_LEAST, 9), price(Operator.AT_MOST, 5)]), [['condition', 'never']]],
  ['a text that is so large', did(7, { atMost: 0 }, [price(Operator.EQUALS, '9'), price(Operator.AT_LEAST, 5)]), [['condition', 'always']]],
  ['within a part, and what follows of it is not told', condition({ any: [plan('gold'), condition({ all: [did(7, { atLeast: 0 }), plan('club')] })] }), [['condition.any[1].all[0]', 'always']]],
])('%s', (_name, given, found) => {
  expect(senselessIn(given, new Set([one, other])).map(({ path, verdict }) => [path, verdict])).toEqual(found);
});

test('whoever there is, they meet what everybody is said to, and do not meet what nobody is', () => {
  const leaf = fc.oneof(
    fc.record({ days: fc.constantFrom(1, 7, 30), atLeast: fc.option(fc.nat(3), { nil: undefined }), atMost: fc.option(fc.nat(3), { nil: undefined }) })
      .filter(({ atLeast, atMost }) => (atLeast ?? atMost) !== undefined && (atLeast ?? 0) <= (atMost ?? Infinity))
      .map(({ days, ...times }) => did(days, { ...(times.atLeast === undefined ? {} : { atLeast: times.atLeast }), ...(times.atMost === undefined ? {} : { atMost: times.atMost }) })),
    fc.constantFrom(isIn(one), isIn(other), plan('gold'), plan('club')),
  );
  const { rule } = fc.letrec<{ rule: Condition }>((tie) => ({
    rule: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((all) => condition({ all })),
      fc.array(tie('rule'), { minLength: 1, maxLength: 3 }).map((any) => condition({ any })),
      tie('rule').map(not),
    ),
  }));
  const somebody = fc.record({ ages: fc.array(fc.constantFrom(0, 3, 20, 90), { maxLength: 5 }), home: fc.constantFrom('', one, other), plan: fc.constantFrom('', 'gold', 'club', 'free') });
  const meets = (part: Condition, who: { ages: number[]; home: string; plan: string }): boolean => {
    if (part.not) return !meets(part.not, who);
    if (part.all.length > 0) return part.all.every((each) => meets(each, who));
    if (part.any.length > 0) return part.any.some((each) => meets(each, who));
    if (part.memberOf) return who.home === part.memberOf;
    if (part.attribute) return JSON.stringify(who.plan) === part.attribute.value;
    const { withinDays = 0, atLeast = 0, atMost = Infinity } = part.performed ?? {};
    const times = who.ages.filter((age) => age < withinDays).length;
    return times >= atLeast && times <= atMost;
  };
  const at = (given: Condition, path: string): Condition =>
    [...path.matchAll(/\.(all|any|not)(?:\[(\d+)\])?/g)].reduce((part, [, join, index]) => (join === 'not' ? part.not : part[join as 'all' | 'any'][Number(index)]) ?? part, given);
  fc.assert(
    fc.property(rule, fc.array(somebody, { minLength: 1, maxLength: 20 }), (given, everybody) => {
      for (const { path, verdict } of senselessIn(given, new Set([one, other]))) {
        for (const who of everybody) expect([path, meets(at(given, path), who)]).toEqual([path, verdict === 'always']);
      }
    }),
    { numRuns: 2_000 },
  );
});
