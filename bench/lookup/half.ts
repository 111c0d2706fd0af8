import { markdown, type Recorded, targetsTable } from '../measurement.ts';
import { type AnsweredEvenly, askEvenly, type GraphqlTarget, type Load } from './load.ts';

/** Who is asked evenly, at a rate that is half of a top rate. */
export interface Halved {
  readonly target: GraphqlTarget;
  /** Answers a second, asked as fast as they come. */
  readonly top: number;
}

const TITLES = {
  lookup: 'look-ups',
  list: 'lists',
  bareLookup: 'a bare HTTP server, at the rate of look-ups',
  bareList: 'a bare HTTP server, at the rate of lists',
  apolloLookup: 'look-ups of Apollo on Express with constants, at half its own top rate',
  apolloList: 'lists of Apollo on Express with constants, at half its own top rate',
} as const;
export type HalvedName = keyof typeof TITLES;

/** Each warmed up at the rate first: new connections are not what is measured. */
export async function atHalf(all: Record<HalvedName, Halved>, load: Load): Promise<Record<HalvedName, AnsweredEvenly>> {
  const measured: Partial<Record<HalvedName, AnsweredEvenly>> = {};
  for (const name of Object.keys(TITLES) as HalvedName[]) {
    const { target, top } = all[name];
    await askEvenly(target, { ...load, seconds: 1 }, top / 2);
    measured[name] = await askEvenly(target, load, top / 2);
  }
  return measured as Record<HalvedName, AnsweredEvenly>;
}

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
  return rows.length === 0 ? targetsTable(results) : `${targetsTable(results)}\n\n${table}`;
}
