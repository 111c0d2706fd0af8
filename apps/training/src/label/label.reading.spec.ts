import { type GivenLabel, LabelReading } from './label.reading.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const given = (line: number, userId: string, value: string, asOf = '', fault = ''): GivenLabel => ({ line, userId, value, asOf, fault });
const read = (...labels: GivenLabel[]) => {
  const reading = new LabelReading(NOW);
  return { labels: reading.read(labels), reading };
};

test.each([['1', true], ['true', true], ['Yes', true], [' 0', false], ['FALSE', false], ['no', false]])('%p is read as %p', (value, meant) => {
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
  expect(reading.problems).toMatchObject([{ line: 9, reason: 'DUPLICATE', message: 'This user has a label in line 2 already.' }]);
});

test('users whom nobody knows are left out, and only the first hundred problems are told one by one', () => {
  const reading = new LabelReading(NOW);
  const labels = reading.read(Array.from({ length: 150 }, (_, index) => given(index + 1, `u${index}`, '1')));
  expect(reading.withoutUnknown(labels, new Set(['u7'])).map(({ userId }) => userId)).toEqual(['u7']);
  expect(reading.leftOut).toBe(149);
  expect(reading.problems).toHaveLength(100);
  expect(reading.problems[0]).toMatchObject({ line: 1, userId: 'u0', reason: 'CUSTOMER_UNKNOWN' });
});

test('problems are told by line, however late each was found', () => {
  const reading = new LabelReading(NOW);
  const labels = reading.read([given(1, 'u1', '1'), given(2, 'nobody', '1'), given(3, 'u2', 'maybe')]);
  reading.withoutUnknown(labels, new Set(['u1']));
  expect(reading.problems.map(({ line, reason }) => [line, reason])).toEqual([[2, 'CUSTOMER_UNKNOWN'], [3, 'VALUE_INVALID']]);
});
