import { markdown, type Recorded, targetsTable } from '../measurement.ts';
import type { Delay } from './visibility.ts';

const TITLES = { quiet: 'quiet', retraining: 'in a retrain' } as const;

/** What was aimed at, and how long it took at each rate. */
export function liveTable(results: readonly Recorded[]): string {
  const rows = results.flatMap(({ figures }) =>
    Object.entries(TITLES).flatMap(([name, title]) =>
      Object.entries(figures[name] as Record<string, Delay>).map(([rate, { events, p50, p95, p99, growth }]) => [
        `${Number(rate).toLocaleString('en')}, ${title}`, events, p50, p95, p99, growth,
      ]),
    ),
  );
  return `${targetsTable(results)}\n\n${markdown([['events a second', 'events', 'p50 ms', 'p95 ms', 'p99 ms', 'last third over the first'], ...rows])}`;
}
