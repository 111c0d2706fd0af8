import { type GivenLabel, LabelReading } from './label.reading.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const YES_OR_NO = { kind: 'BINARY', asOf: null } as const;
const NUMBERS = { kind: 'NUMERIC', asOf: new Date('2025-09-01T00:00:00Z') } as const;
const given = (line: number, userId: string, value: string, asOf = '', fault = ''): GivenLabel => ({ line, userId, value, number: undefined, asOf, fault });
const numbered = (line: number, userId: string, number: number, asOf = ''): GivenLabel => ({ ...given(line, userId, '', asOf), number });
const read = (...labels: GivenLabel[]) => readIn(YES_OR_NO, ...labels);
const readIn = (set: typeof YES_OR_NO | typeof NUMBERS, ...labels: GivenLabel[]) => {
  const reading = new LabelReading(set, NOW);
  return { labels: reading.read(labels), reading };
};

test.each([['1', 1], ['true', 1], ['Yes', 1], [' 0', 0], ['FALSE', 0], ['no', 0]])('%p is read as %p', (value, meant) => {
  expect(read(given(2, 'u1', value)).labels).toEqual([{ line: 2, userId: 'u1', value: meant, asOf: null }]);
});

test.each([
  ['2025-06-01', '2025-06-01T00:00:00.000Z'],
  ['2025-06-01T10:00:00Z', '2025-06-01T10:00:00.000Z'],
  ['2025-06-01 10:00:00', '2025-06-01T10:00:00.000Z'],
  ['2025-06-01T10:00:00+02:00', '2025-06-01T08:00:00.000Z'],
])('the time %p is %p', (text, time) => {
  expect(read(given(2, 'u1', '1', text)).labels[0]?.asOf?.toISOString()).toBe(time);
});

test.each([
  [given(4, '', '1'), 'USER_ID_MISSING'],
  [given(4, 'x'.repeat(513), '1'), 'USER_ID_MISSING'],
  [given(4, 'u1', 'maybe'), 'VALUE_INVALID'],
  [given(4, 'u1', ''), 'VALUE_INVALID'],
  [given(4, 'u1', '1', 'soon'), 'TIME_INVALID'],
  [given(4, 'u1', '1', '2025-13-01'), 'TIME_INVALID'],
  [given(4, 'u1', '1', '2027-01-01'), 'TIME_AHEAD'],
  [given(4, '', '', '', 'too many columns'), 'UNREADABLE'],
])('%j is left out and told with its line: %s', (label, reason) => {
  const { labels, reading } = read(label, given(5, 'u2', '0'));
  expect(labels.map(({ userId }) => userId)).toEqual(['u2']);
  expect(reading).toMatchObject({ leftOut: 1, problems: [{ line: 4, reason }] });
});

test('of one user the first label of a list counts, over all its pieces', () => {
  const { labels, reading } = read(given(2, 'u1', '1'));
  expect(labels).toHaveLength(1);
  expect(reading.read([given(9, 'u1', '0')])).toEqual([]);
  expect(reading.problems).toMatchObject([{ line: 9, reason: 'DUPLICATE', message: 'This user has a label as of the same time in line 2 already.' }]);
});

test.each([['12.5', 12.5], [' -3 ', -3], ['0', 0], ['1e3', 1000]])('of a set of numbers %p is read as %p, as of the set’s time', (value, meant) => {
  expect(readIn(NUMBERS, given(2, 'u1', value)).labels).toEqual([{ line: 2, userId: 'u1', value: meant, asOf: NUMBERS.asOf }]);
});

test.each(['', 'yes', '1,5', 'NaN', 'Infinity', '1e16', '12 cycles'])('%p is no number', (value) => {
  const { reading } = readIn(NUMBERS, given(4, 'u1', value));
  expect(reading.problems).toMatchObject([{ line: 4, userId: 'u1', reason: 'VALUE_INVALID', message: expect.stringMatching(/is no number .*; write one like 12\.5/) }]);
});

test('a number in a list is taken by a set of numbers, and told where the answer is yes or no', () => {
  expect(readIn(NUMBERS, numbered(1, 'u1', 0.25)).labels).toMatchObject([{ value: 0.25 }]);
  expect(readIn(NUMBERS, numbered(1, 'u1', Number.POSITIVE_INFINITY)).reading.problems).toMatchObject([{ reason: 'VALUE_INVALID' }]);
  const { labels, reading } = read(numbered(1, 'u1', 1));
  expect(labels).toEqual([]);
  expect(reading.problems).toMatchObject([{ line: 1, reason: 'VALUE_INVALID', message: 'These labels are yes or no: give value, not number.' }]);
});

test('a user has one label as of each time, where none is given as of the set’s', () => {
  const { labels, reading } = readIn(NUMBERS, given(1, 'u1', '9'), given(2, 'u1', '8', '2025-10-01'), given(3, 'u1', '7', '2025-09-01'));
  expect(labels.map(({ value }) => value)).toEqual([9, 8]);
  expect(reading.problems).toMatchObject([{ line: 3, reason: 'DUPLICATE' }]);
});

test('users whom nobody knows are left out, and only the first hundred problems are told one by one', () => {
  const reading = new LabelReading(YES_OR_NO, NOW);
  const labels = reading.read(Array.from({ length: 150 }, (_, index) => given(index + 1, `u${index}`, '1')));
  expect(reading.withoutUnknown(labels, new Set(['u7'])).map(({ userId }) => userId)).toEqual(['u7']);
  expect(reading.leftOut).toBe(149);
  expect(reading.problems).toHaveLength(100);
  expect(reading.problems[0]).toMatchObject({ line: 1, userId: 'u0', reason: 'CUSTOMER_UNKNOWN' });
});

test('problems are told by line, however late each was found', () => {
  const reading = new LabelReading(YES_OR_NO, NOW);
  const labels = reading.read([given(1, 'u1', '1'), given(2, 'nobody', '1'), given(3, 'u2', 'maybe')]);
  reading.withoutUnknown(labels, new Set(['u1']));
  expect(reading.problems.map(({ line, reason }) => [line, reason])).toEqual([[2, 'CUSTOMER_UNKNOWN'], [3, 'VALUE_INVALID']]);
});
