import { NOT_MEASURED } from '../measurement.ts';
import type { Row, Sheet } from './part.ts';
import { LAST } from './parts.ts';
import { plainTable } from './table.ts';
import { clearly, targets } from './targets.ts';

const lead = (mean: number, sd: number, n = 20): Row => ({ figure: '50 labels, LR, above aggregates', subject: 'embedding', mean, sd, n, values: [] });

describe('a lead on the same draws', () => {
  it('is clear where its mean lies more than two standard errors above nothing', () => {
    expect(clearly('ahead', lead(0.002, 0.004))).toMatchObject({ target: '> 0', measured: 0.0002, met: true });
    expect(clearly('ahead', lead(0.002, 0.005))).toMatchObject({ measured: -0.0003, met: false });
    expect(clearly('ahead', lead(0.002, 0.004, 5))).toMatchObject({ met: false });
  });

  it('is neither met nor missed where the draws were not kept, whatever the means are', () => {
    const mean = (subject: string, value: number): Row => ({ figure: '50 labels, LR', subject, mean: value, sd: 0, n: 5 });
    const sheet: Sheet = { facts: {}, rows: [mean('embedding', 0.8), mean('aggregates', 0.7)] };
    const asked = (rows: Row[]) => targets({ [LAST]: { ...sheet, rows: [...sheet.rows, ...rows] } }).find(({ what }) => what.startsWith('2011-09-09, 50 labels, LR'));
    expect(asked([])).toMatchObject({ measured: NOT_MEASURED, met: false });
    expect(asked([lead(0.1, 0.01)])).toMatchObject({ met: true });
    expect(targets({}).filter(({ measured }) => measured === NOT_MEASURED)).toEqual([]);
  });

  it('is told with two standard errors, apart from what is measured over seeds', () => {
    expect(plainTable({ facts: {}, rows: [{ figure: '50 labels', subject: 'head', mean: 0.75, sd: 0, n: 3 }, lead(0.002, 0.005)] })).toBe(
      [
        '|  | 50 labels |', '|---|---|', '| head | .750 |', '',
        '|  | ahead | mean difference ± two standard errors | draws |', '|---|---|---|---|', '| embedding | 50 labels, LR, above aggregates | .002 ± .002 | 20 |',
      ].join('\n'),
    );
  });
});

describe('a sheet whose figures are good for more decimals', () => {
  it('is told with as many, and with deviations that show in them', () => {
    const of = (facts: Sheet['facts']) => plainTable({ facts, rows: [{ figure: 'LR', subject: 'gaps', mean: -0.0017, sd: 0.0002, n: 300 }] });
    expect(of({ places: 4 })).toContain('| gaps | -.0017 ± .0002 |');
    expect(of({})).toContain('| gaps | -.002 |');
  });
});
