import { comparedBy, conditionOf, draftOf, inWords, NEW, NEW_FILTER, NEW_SUM, type ConditionDraft, type GroupDraft } from './condition';

const RULE = {
  all: [
    { performed: { event: 'Order Completed', atLeast: 3, withinDays: 180, filters: [{ property: 'currency', operator: 'EQUALS', value: 'EUR' }, { property: 'revenue', operator: 'AT_LEAST', value: 100 }] } },
    { performed: { event: 'Order Completed', atMost: 0, withinDays: 30, filters: [] } },
    { performed: { event: 'Order Completed', withinDays: 90, filters: [], sum: { property: 'revenue', atLeast: 499.5 } } },
    { not: { memberOf: 'U2VnbWVudA' } },
    { not: { any: [{ attribute: { property: 'plan', operator: 'EQUALS', value: 'gold' } }, { attribute: { property: 'isStaff', operator: 'DIFFERS', value: false } }] } },
    { not: { attribute: { property: 'email', operator: 'IS_SET' } } },
    { attribute: { property: 'country', operator: 'IS_ONE_OF', value: ['', 'DE', 'a\nb'] } },
    { attribute: { property: 'seats', operator: 'IS_ONE_OF', value: [1, 5] } },
    { attribute: { property: 'city', operator: 'STARTS_WITH', value: 'New ' } },
  ],
} as const;

const rule = (): GroupDraft => draftOf(JSON.parse(JSON.stringify(RULE)));
const nameOf = (id: string): string | undefined => (id === 'U2VnbWVudA' ? 'Coupon-first buyers' : undefined);
const only = (part: ConditionDraft): GroupDraft => ({ ...NEW.group, join: 'all', parts: [part] });

describe('a rule in a form', () => {
  it('asks for what it was made of, with the types of its values', () => {
    expect(conditionOf(rule())).toEqual(RULE);
  });

  it('is one condition where it has one', () => {
    expect(conditionOf(draftOf({ memberOf: 'x' }))).toEqual({ memberOf: 'x' });
    expect(conditionOf(draftOf({ not: { any: [{ memberOf: 'x' }, { memberOf: 'y' }] } }))).toEqual({ not: { any: [{ memberOf: 'x' }, { memberOf: 'y' }] } });
  });

  it.each([
    [only(NEW.performed), 'Name the event'],
    [only({ ...NEW.performed, event: 'A', atLeast: '' }), 'how often “A”'],
    [only({ ...NEW.performed, event: 'A', atLeast: 'two' }), '“two” is not a whole number'],
    [only({ ...NEW.performed, event: 'A', withinDays: 'x' }), '“x” is not a whole number'],
    [only({ ...NEW.performed, event: 'A', sum: NEW_SUM }), 'Name the property that is added up'],
    [only({ ...NEW.performed, event: 'A', sum: { ...NEW_SUM, property: 'p' } }), 'how much “p” adds up to'],
    [only({ ...NEW.performed, event: 'A', sum: { ...NEW_SUM, property: 'p', atMost: 'x' } }), '“x” is not a number'],
    [only(NEW.member), 'Choose the segment'],
    [only({ ...NEW.attribute, filter: { ...NEW_FILTER, value: 'x' } }), 'Name the attribute'],
    [only({ ...NEW.attribute, filter: { ...NEW_FILTER, property: 'age', operator: 'AT_LEAST', kind: 'number' } }), 'is not a number'],
    [only({ ...NEW.attribute, filter: { ...NEW_FILTER, property: 'city', operator: 'CONTAINS' } }), 'Say what “city” contains'],
    [only({ ...NEW.attribute, filter: { ...NEW_FILTER, property: 'city', operator: 'IS_ONE_OF', values: ['', ''] } }), 'one value a line'],
    [only({ ...NEW.attribute, filter: { ...NEW_FILTER, property: 'age', operator: 'IS_ONE_OF', kind: 'number', values: ['1', 'x'] } }), '“x” is not a number'],
    [{ ...NEW.group, join: 'all', parts: [] }, 'Add a condition'],
  ] satisfies [GroupDraft, string][])('says what is missing', (draft, words) => {
    expect(() => conditionOf(draft)).toThrow(words);
  });
});

it('what is given for a filter goes along when it is compared otherwise', () => {
  const one = comparedBy({ ...NEW_FILTER, kind: 'number', value: '5' }, 'IS_ONE_OF');
  expect(one).toMatchObject({ kind: 'number', values: ['5'] });
  expect(comparedBy({ ...one, values: ['7', '8'] }, 'CONTAINS')).toMatchObject({ kind: 'text', value: '7' });
  expect(comparedBy(one, 'AT_LEAST')).toMatchObject({ kind: 'number', value: '5' });
});

describe('a rule in words', () => {
  it('reads as people say it', () => {
    expect(inWords(conditionOf(rule()), nameOf)).toEqual({
      join: 'all of',
      parts: [
        'did “Order Completed” at least 3 times in the last 180 days, where currency is “EUR” and revenue is at least 100',
        'never did “Order Completed” in the last 30 days',
        'had revenue of “Order Completed” add up to at least 499.5 in the last 90 days',
        'not: is in “Coupon-first buyers”',
        { join: 'none of', parts: ['plan is “gold”', 'isStaff is not false'] },
        'not: email is set',
        'country is one of “”, “DE”, “a\nb”',
        'seats is one of 1, 5',
        'city starts with “New ”',
      ],
    });
  });

  it.each([
    [{ atLeast: 1 }, 'did “A” in the last day'],
    [{ atLeast: 2, atMost: 2 }, 'did “A” exactly 2 times in the last day'],
    [{ atLeast: 2, atMost: 5 }, 'did “A” 2 to 5 times in the last day'],
    [{ atMost: 1 }, 'did “A” at most once in the last day'],
    [{ atLeast: 0, atMost: 0 }, 'never did “A” in the last day'],
    [{ sum: { property: 'p', atMost: 5 } }, 'had p of “A” add up to at most 5 in the last day'],
    [{ sum: { property: 'p', atLeast: 5, atMost: 5 } }, 'had p of “A” add up to exactly 5 in the last day'],
    [{ atLeast: 2, sum: { property: 'p', atLeast: 0, atMost: 5 } }, 'did “A” at least 2 times with p adding up to 0 to 5 in the last day'],
  ])('says how often: %o', (often, words) => {
    expect(inWords({ performed: { event: 'A', withinDays: 1, ...often } }, nameOf)).toBe(words);
  });

  it.each([
    [{ atLeast: 1 }, 'did “A”, ever'],
    [{ atMost: 0 }, 'never did “A”'],
    [{ sum: { property: 'p', atLeast: 5 } }, 'had p of “A” add up to at least 5, ever'],
  ])('says that it asks of ever: %o', (often, words) => {
    const condition = { performed: { event: 'A', ...often, filters: [] } };
    expect(inWords(condition, nameOf)).toBe(words);
    expect(conditionOf(draftOf(condition))).toEqual(condition);
  });

  it('tells of a segment that is not listed', () => {
    expect(inWords({ memberOf: 'gone' }, nameOf)).toBe('is in a segment that is not listed');
  });
});
