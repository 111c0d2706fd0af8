import { markdown, type Recorded, targetsTable } from '../measurement.ts';
import { type HalvedName, TITLES } from './half.ts';
import type { Answered, AnsweredEvenly } from './load.ts';

const CONTENDERS = {
  lookup: 'look-ups',
  list: 'lists',
  listApart: 'lists, each connection in words of its own',
  postgres: 'Postgres, a row by its primary key',
  echo: 'a bare gRPC echo',
  apolloLookup: 'look-ups of Apollo on Express with constants',
  apolloList: 'lists of Apollo on Express with constants',
  postgraphileLookup: 'look-ups of PostGraphile',
  postgraphileList: 'lists of PostGraphile',
} as const;

/** What was aimed at, and what the same load generator saw of others on the same machine: what a server that does nothing takes is not ours. */
export function lookupTable(results: readonly Recorded[]): string {
  const halves = results.map(({ figures }) => figures['atHalfTheTopRate'] as Partial<Record<HalvedName, AnsweredEvenly>> | undefined);
  const rows = halves.flatMap((half) =>
    (Object.keys(TITLES) as HalvedName[]).flatMap((name) => {
      const answered = half?.[name];
      return answered?.lateP99 === undefined ? [] : [[TITLES[name], answered.perSecond, answered.p50, answered.p99, answered.lateP99]];
    }),
  );
  const table = markdown([['evenly, at half the top rate', 'a second', 'p50 ms', 'p99 ms', 'sent late, p99 ms'], ...rows]);
  return rows.length === 0 ? targetsTable(results) : `${targetsTable(results)}\n\n${topTable(results)}\n\n${table}`;
}

/** As fast as answers come. */
function topTable(results: readonly Recorded[]): string {
  const rows = results.flatMap(({ figures }) =>
    Object.entries(CONTENDERS).flatMap(([name, title]) => {
      const answered = figures[name] as Answered | undefined;
      return answered ? [[title, answered.perSecond, answered.p50, answered.p99]] : [];
    }),
  );
  return markdown([['as fast as answers come', 'a second', 'p50 ms', 'p99 ms'], ...rows]);
}
