import { lineChart, markdown } from '../measurement.ts';
import { type Row, type Sheet } from './part.ts';

const SUBJECTS = [
  ['rfm', 'recency, frequency, monetary (7)'],
  ['aggregates', '34 hand-made aggregates'],
  ['untrained', 'untrained encoder'],
  ['embedding', 'this encoder'],
  ['aggregates+embedding', 'aggregates + this encoder'],
  ['forecast', 'the forecast, no label'],
] as const;
const PROBES = ['LR', 'LightGBM'] as const;

/** Decimals, unless a sheet says how many its figures are good for (`places`). */
const PLACES = 3;

const digits = (value: number, places = PLACES) =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(places).replace(/^(-?)0\./, '$1.');

function told(row: Row | undefined, places = PLACES): string {
  if (row === undefined) return '–';
  const spreads = row.n > 1 && row.sd >= 0.5 / 10 ** places;
  return spreads ? `${digits(row.mean, places)} ± ${digits(row.sd, places)}` : digits(row.mean, places);
}

/** Of the mean of a row; its deviation is that of the values themselves, as numpy has it. */
export const standardError = ({ sd, n }: Row): number => sd / Math.sqrt(n - 1);

export const found = ({ rows }: Sheet, figure: string, subject: string): Row | undefined => rows.find((row) => row.figure === figure && row.subject === subject);

/** All that was measured at one cut. */
export function cutTables(sheet: Sheet): string {
  const { cut, days, customers, positives } = sheet.facts as { cut: string; days: number; customers: number; positives: number };
  const title = `**Cut ${cut}**: ${customers.toLocaleString('en')} customers, ${Math.round(positives * 1000) / 10} % of them with a main event in the following ${days} days.`;
  return [title, probes(sheet), ...leads(sheet), segments(sheet)].join('\n\n');
}

function probes(sheet: Sheet): string {
  const columns = [
    ...PROBES.map((probe) => [`${probe}, at the cut`, `at the cut, ${probe}`]),
    ...PROBES.map((probe) => [`${probe}, out of time`, `out of time, ${probe}`]),
    ['calibration error, out of time', 'calibration error, out of time'],
    ...[50, 200, 1000].flatMap((count) => PROBES.map((probe) => [`${count} labels, ${probe}`, `${count} labels, ${probe}`])),
  ] as const;
  const figure = (name: string, subject: string) =>
    subject === 'forecast' && name.endsWith(', LR') ? found(sheet, name.replace(', LR', ', no label'), subject) : found(sheet, name, subject);
  const rows = SUBJECTS.map(([subject, name]) => [name, ...columns.map(([, of]) => told(figure(of ?? '', subject)))]);
  const fresh = found(sheet, 'out of time, no label, never seen', 'forecast');
  const apart = fresh === undefined ? '' : `\n\nCustomers whom the encoder never saw, apart: the forecast without labels ${told(fresh)}.`;
  const off = found(sheet, 'calibration error, at the cut', 'forecast');
  const made = off === undefined ? '' : `\n\nOf the model made at the cut the forecast without labels has a calibration error of ${told(off)}.`;
  return `${markdown([['area under the ROC curve', ...columns.map(([title]) => title ?? '')], ...rows])}${made}${apart}`;
}

function segments(sheet: Sheet): string {
  const figures = ['bootstrap ARI', 'membership AUC', 'eta squared of value', 'smallest share', 'agreement of two trainings (ARI)'];
  const rows = [5, 8, 12].flatMap((count) =>
    ['segments', 'rfm'].map((of) => [`${of === 'rfm' ? 'RFM' : 'segments'}, k = ${count}`, ...figures.map((figure) => told(found(sheet, figure, `${of} k=${count}`)))]),
  );
  return markdown([['segments', ...figures], ...rows]);
}

/** By how much who is ahead on the same draws; none where no lead was measured. */
function leads({ rows }: Sheet): string[] {
  const measured = rows.filter(({ values }) => values !== undefined);
  if (measured.length === 0) return [];
  const said = measured.map((row) => [row.subject, row.figure, `${digits(row.mean)} ± ${digits(2 * standardError(row))}`, row.n]);
  return [markdown([['', 'ahead', 'mean difference ± two standard errors', 'draws'], ...said])];
}

/** So many times as many figures as subjects make a table that no page holds. */
const WIDE = 4;

/** Parts without a form of their own: subjects as rows and figures as columns, or the other way round where that is too wide; and leads apart. */
export function plainTable(sheet: Sheet): string {
  const plain = sheet.rows.filter(({ values }) => values === undefined);
  const subjects = [...new Set(plain.map(({ subject }) => subject))];
  const figures = [...new Set(plain.map(({ figure }) => figure))];
  const places = typeof sheet.facts['places'] === 'number' ? sheet.facts['places'] : PLACES;
  const cell = (figure: string, subject: string) => told(found(sheet, figure, subject), places);
  // The longer side goes down the page.
  const table = figures.length > subjects.length * WIDE
    ? markdown([['', ...subjects], ...figures.map((figure) => [figure, ...subjects.map((subject) => cell(figure, subject))])])
    : markdown([['', ...figures], ...subjects.map((subject) => [subject, ...figures.map((figure) => cell(figure, subject))])]);
  return [table, ...curves(plain), ...leads(sheet)].join('\n\n');
}

/** "novelty, 0-9 cycles remaining": a figure by ranges of something. */
const RANGED = /^(?<name>.+), (?<from>\d+)-\d+ (?<what>.+)$/;
const FEWEST_POINTS = 4;

/** What was measured by ranges of what remains is drawn as well, to the end from left to right. */
function curves(rows: readonly Row[]): string[] {
  const ranged = rows.flatMap((row) => {
    const { name = '', from = '', what = '' } = RANGED.exec(row.figure)?.groups ?? {};
    return name === '' ? [] : [{ title: row.subject, name, what, from: Number(from), value: row.mean }];
  });
  return Object.values(Object.groupBy(ranged, ({ title, name, what }) => `${title}, ${name}, ${what}`)).flatMap((points = []) => {
    const [first] = points;
    if (!first || points.length < FEWEST_POINTS) return [];
    const sorted = points.toSorted((one, other) => other.from - one.from);
    return [lineChart({ title: first.title, x: `${first.what}, at least`, y: first.name, points: sorted.map(({ from, value }) => [from, value]) })];
  });
}
