import { type AnsweredEvenly, askEvenly, type GraphqlTarget, type Load } from './load.ts';

/** Who is asked evenly, at a rate that is half of a top rate. */
export interface Halved {
  readonly target: GraphqlTarget;
  /** Answers a second, asked as fast as they come. */
  readonly top: number;
}

export const TITLES = {
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
