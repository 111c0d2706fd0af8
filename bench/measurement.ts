/** What `npm run bench -- NAME` prints as its last line, and keeps under bench/results/. */
export interface Result {
  figures: Record<string, unknown>;
  targets: Target[];
}

export interface Target {
  what: string;
  target: string;
  measured: number | string;
  met: boolean;
}

/** In place of a figure that was not measured: such a target is not met, and not missed. */
export const NOT_MEASURED = 'not measured';

/** One line that `npm run bench -- NAME` printed. */
export interface Recorded extends Result {
  name: string;
  commit: string;
  machine: string;
}

/** One file in bench/ exports one of these as `benchmark`. */
export interface Benchmark {
  /** One line for the list. */
  readonly about: string;
  /** Markdown for docs/measurements.md, from what was kept under bench/results/; without one: its targets. */
  table?(results: readonly Recorded[]): string;
  run(context: { args: readonly string[]; tell: (line: string) => void }): Promise<Result>;
}

/**
 * A target is met, or not, by what was measured; only what is shown of it is rounded, to `places` decimals, or as many more as it takes to
 * tell it from the limit. Rounded first, 2.995 would meet "at least 3".
 */
const target = (sign: string, holds: (measured: number, limit: number) => boolean) => (what: string, limit: number, measured: number, places = 3): Target => ({
  what,
  target: `${sign} ${Number(limit.toFixed(places))}`,
  measured: rounded(measured, limit, places),
  met: holds(measured, limit),
});

const MOST_PLACES = 20;

function rounded(measured: number, limit: number, places: number): number {
  const shown = Number(measured.toFixed(places));
  if (shown === limit && measured !== limit && places < MOST_PLACES) return rounded(measured, limit, places + 1);
  return shown === 0 ? 0 : shown; // and not -0
}
export const atMost = target('<=', (measured, limit) => measured <= limit);
export const atLeast = target('>=', (measured, limit) => measured >= limit);
export const above = target('>', (measured, limit) => measured > limit);
export const below = target('<', (measured, limit) => measured < limit);

/** Rows as a Markdown table; the first holds the titles. */
export function markdown(rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)).join(' | ')} |`;
  const [titles = [], ...rest] = rows;
  return [line(titles), `|${'---|'.repeat(titles.length)}`, ...rest.map(line)].join('\n');
}

/** One curve as a Mermaid chart, which Markdown shows drawn; points from left to right, the least of `y` at 0. */
export function lineChart({ title, x, y, points }: { title: string; x: string; y: string; points: readonly (readonly [at: string | number, value: number])[] }): string {
  const said = (text: string | number) => JSON.stringify(String(text));
  return [
    '```mermaid',
    'xychart-beta',
    `  title ${said(title)}`,
    `  x-axis ${said(x)} [${points.map(([at]) => said(at)).join(', ')}]`,
    `  y-axis ${said(y)} 0 --> ${Math.ceil(Math.max(...points.map(([, value]) => value)) * 10) / 10}`,
    `  line [${points.map(([, value]) => value.toFixed(3)).join(', ')}]`,
    '```',
  ].join('\n');
}

/** What was aimed at and what came out, for benchmarks that have no table of their own. */
export function targetsTable(results: readonly Recorded[]): string {
  return results
    .map(({ targets, machine, commit }) => {
      const rows = targets.map(({ what, target, measured, met }) => [what, target, measured.toLocaleString('en', { maximumFractionDigits: MOST_PLACES }), met ? 'met' : measured === NOT_MEASURED ? '–' : '**missed**']);
      return `${markdown([['', 'target', 'measured', ''], ...rows])}\n\n${machine}; commit ${commit}.`;
    })
    .join('\n\n');
}
