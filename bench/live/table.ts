import { markdown, type Recorded, targetsTable } from '../measurement.ts';
import type { Told } from './subscriber.ts';
import type { Tried } from './top.ts';
import type { Delay } from './visibility.ts';

const TITLES = { quiet: 'quiet', retraining: 'in a retrain' } as const;

type ByRate<Figures> = Record<string, Figures>;
type ByStage<Figures> = Record<keyof typeof TITLES, ByRate<Figures>>;

/** What was aimed at, how long it took at each rate, until a subscriber was told, and at each higher rate that was tried. */
export function liveTable(results: readonly Recorded[]): string {
  const delays = results.flatMap(({ figures }) => rowsOf(figures as ByStage<Delay>, ({ events, p50, p95, p99, growth, drift }) => [events, p50, p95, p99, growth, drift]));
  const told = results.flatMap(({ figures }) => rowsOf((figures['told'] ?? {}) as Partial<ByStage<Told>>, ({ changes, p50, p95, p99 }) => (changes === 0 ? [0, '–', '–', '–'] : [changes, p50, p95, p99])));
  const tables = [targetsTable(results), markdown([['events a second', 'events', 'p50 ms', 'p95 ms', 'p99 ms', 'last third over the first', 'grows by, ms a second'], ...delays])];
  if (told.length > 0) tables.push(markdown([['events a second', 'changes told to a subscriber', 'p50 ms', 'p95 ms', 'p99 ms'], ...told]));
  const tried = results.flatMap(({ figures }) => ((figures['tried'] ?? []) as Tried[]).map(({ perSecond, accepted, isHeld, delay }) => [perSecond, accepted, delay.p50, delay.p99, delay.drift, isHeld ? 'held' : 'not held']));
  if (tried.length > 0) tables.push(markdown([['sent a second, quiet', 'acknowledged a second', 'p50 ms', 'p99 ms', 'grows by, ms a second', ''], ...tried]));
  return tables.join('\n\n');
}

function rowsOf<Figures>(stages: Partial<ByStage<Figures>>, cells: (figures: Figures) => (string | number)[]): (string | number)[][] {
  return (Object.keys(TITLES) as (keyof typeof TITLES)[]).flatMap((name) =>
    Object.entries(stages[name] ?? {}).map(([rate, figures]) => [`${Number(rate).toLocaleString('en')}, ${TITLES[name]}`, ...cells(figures)]),
  );
}
