import { plainTable } from './table.ts';

const row = (figure: string, mean: number, subject = 'novelty') => ({ figure, subject, mean, sd: 0, n: 5 });

test('what was measured by ranges of what remains is drawn to the end, beside its table', () => {
  const ranged = [[0, 9], [10, 19], [20, 49], [50, 99]].map(([from = 0, to = 0]) => row(`novelty, ${from}-${to} cycles remaining`, 1 - from / 100));
  const [table, chart] = plainTable({ facts: {}, rows: [row('AUC', 0.9), ...ranged] }).split('\n\n');
  expect(table).toContain('| AUC | .900 |');
  expect(chart).toContain('x-axis "cycles remaining, at least" ["50", "20", "10", "0"]');
  expect(chart).toContain('line [0.500, 0.800, 0.900, 1.000]');
});

test('other figures are not drawn, nor are a few points', () => {
  const rows = [row('AUC', 0.9), row('novelty, 0-9 cycles remaining', 0.7), row('novelty, 10-19 cycles remaining', 0.5)];
  expect(plainTable({ facts: {}, rows })).not.toContain('mermaid');
});
