import { markdown, type Recorded, targetsTable } from '../measurement.ts';
import type { Told } from './subscriber.ts';
import type { Delay } from './visibility.ts';

const TITLES = { quiet: 'quiet', retraining: 'in a retrain' } as const;

type ByRate<Figures> = Record<string, Figures>;
type ByStage<Figures> = Record<keyof typeof TITLES, ByRate<Figures>>;

/** What was aimed at, how long it took at each rate, and until a subscriber was told. */
export function liveTable(results: readonly Recorded[]): string {
  const delays = results.flatMap(({ figures }) => rowsOf(figures as ByStage<Delay>, ({ events, p50, p95, p99, growth }) => [events, p50, p95, p99, growth]));
  const told = results.flatMap(({ figures }) => rowsOf((figures['told'] ?? {}) as Partial<ByStage<Told>>, ({ changes, p50, p95, p99 }) => (changes === 0 ? [0, '–', '–', '–'] : [changes, p50, p95, p99])));
  const tables = [targetsTable(results), markdown([['events a second', 'events', 'p50 ms', 'p95 ms', 'p99 ms', 'last third over the first'], ...delays])];
  if (told.length > 0) tables.push(markdown([['events a second', 'changes told to a subscriber', 'p50 ms', 'p95 ms', 'p99 ms'], ...told]));
  return tables.join('\n\n');
}

function rowsOf<Figures>(stages: Partial<ByStage<Figures>>, cells: (figures: Figures) => (string | number)[]): (string | number)[][] {
  return (Object.keys(TITLES) as (keyof typeof TITLES)[]).flatMap((name) =>
    Object.entries(stages[name] ?? {}).map(([rate, figures]) => [`${Number(rate).toLocaleString('en')}, ${TITLES[name]}`, ...cells(figures)]),
  );
}
