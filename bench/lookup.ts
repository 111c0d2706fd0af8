import { rm } from 'node:fs/promises';

import { Command } from 'commander';

import { temporaryFolder } from '#libs/embedded';

import { bootstrapWorkspace } from '../scripts/start/main-job.ts';
import { atHalf, type Halved, type HalvedName } from './lookup/half.ts';
import { type Answered, askEcho, askGraphql, askPostgres, type GraphqlTarget, type Load, median } from './lookup/load.ts';
import { questions, relate } from './lookup/postgraphile.ts';
import { LIST, LOOKUP } from './lookup/query.ts';
import { installPostgraphile, type Rival, startRival } from './lookup/rivals.ts';
import { fillShop, type Shop } from './lookup/shop.ts';
import { lookupTable } from './lookup/table.ts';
import { atLeast, atMost, type Benchmark, type Target } from './measurement.ts';
import { startMeasured } from './system.ts';

type Name = 'lookup' | 'list' | 'listApart' | 'postgres' | 'echo' | 'apolloLookup' | 'apolloList' | 'postgraphileLookup' | 'postgraphileList';
type Contenders = Partial<Record<Name, (load: Load) => Promise<Answered>>>;

export const benchmark: Benchmark = {
  about: "a customer's memberships and a list of 25 segments, asked by key: requests/s and p99, beside Postgres, gRPC, Apollo on Express and PostGraphile",
  table: lookupTable,
  run: async ({ args, tell }) => {
    const { seconds, connections, rounds } = new Command()
      .option('--seconds <n>', 'of each measurement', Number, 5)
      .option('--connections <n>', 'that ask at once', Number, 32)
      .option('--rounds <n>', 'in which every contender has a turn; the median counts', Number, 3)
      .parse([...args], { from: 'user' })
      .opts<{ seconds: number; connections: number; rounds: number }>();
    const load = { seconds, connections };
    const folder = await temporaryFolder('kindred-bench');
    const system = await startMeasured(folder, tell);
    const rivals: Rival[] = [];
    try {
      await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
      const shop = await fillShop(system);
      const ours = questionsOf(`http://127.0.0.1:${system.ports.gateway}/graphql`, shop, connections, system.secrets.adminKey);
      const others = await startOthers(shop, connections, rivals);
      const measured = await takeTurns(await contend(shop, ours, others, rivals, tell), load, rounds, tell);
      // As long as each was asked in all rounds.
      const halves = await atHalf(halvesOf(ours, others, measured), { ...load, seconds: seconds * rounds });
      return { figures: { seconds, connections, rounds, ...rounded(measured), atHalfTheTopRate: rounded(halves) }, targets: targetsOf(measured, halves) };
    } finally {
      for (const rival of rivals) await rival.stop();
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function questionsOf(url: string, { customers }: Pick<Shop, 'customers'>, connections: number, key?: string): Record<'lookup' | 'list' | 'listApart', GraphqlTarget> {
  const to = { url, ...(key === undefined ? {} : { key }) };
  return {
    lookup: { ...to, bodies: customers.map(({ userId }) => JSON.stringify({ query: LOOKUP, variables: { userId } })) },
    list: { ...to, bodies: [JSON.stringify({ query: LIST })] },
    // The same list, but nobody's answer is another's.
    listApart: { ...to, bodies: Array.from({ length: connections }, (_, lane) => JSON.stringify({ query: `query List${lane} ${LIST}` })), isApart: true },
  };
}

type Questions = ReturnType<typeof questionsOf>;
interface Others {
  readonly echo: number;
  readonly apollo: Questions;
  readonly bare: Questions;
}

async function startOthers(shop: Shop, connections: number, rivals: Rival[]): Promise<Others> {
  const started = async (script: string) => {
    const rival = await startRival(script);
    rivals.push(rival);
    return rival.port;
  };
  const asked = async (script: string) => questionsOf(`http://127.0.0.1:${await started(script)}/graphql`, shop, connections);
  return { echo: await started('rival.echo.ts'), apollo: await asked('rival.apollo.ts'), bare: await asked('rival.bare.ts') };
}

async function contend(shop: Shop, ours: Questions, { echo, apollo }: Others, rivals: Rival[], tell: (line: string) => void): Promise<Contenders> {
  const installed = await installPostgraphile(tell);
  if (installed !== undefined) await relate(shop);
  const postgraphile = installed === undefined ? undefined : await startRival('rival.postgraphile.ts', [installed, shop.ownerUrl]);
  if (postgraphile) rivals.push(postgraphile);
  const graphile = postgraphile && questions(postgraphile.port, shop);
  return {
    lookup: (load) => askGraphql(ours.lookup, load),
    list: (load) => askGraphql(ours.list, load),
    listApart: (load) => askGraphql(ours.listApart, load),
    postgres: (load) => askPostgres(shop.ownerUrl, shop.workspaceId, load),
    echo: (load) => askEcho(echo, load),
    apolloLookup: (load) => askGraphql(apollo.lookup, load),
    apolloList: (load) => askGraphql(apollo.list, load),
    ...(graphile ? { postgraphileLookup: (load: Load) => askGraphql(graphile.lookup, load), postgraphileList: (load: Load) => askGraphql(graphile.list, load) } : {}),
  };
}

/** Each in turn and round after round, so that a noisy neighbour meets all of them. Before the first, each is warmed up. */
async function takeTurns(contenders: Contenders, load: Load, rounds: number, tell: (line: string) => void): Promise<Partial<Record<Name, Answered>>> {
  const names = Object.keys(contenders) as Name[];
  const all = new Map<Name, Answered[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const answered = await contenders[name]?.(round === 0 ? { ...load, seconds: 2 } : load);
      if (round === 0 || !answered) continue;
      all.get(name)?.push(answered);
      tell(`${name}: ${Math.round(answered.perSecond)} a second, p99 ${answered.p99} ms`);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(all.get(name) ?? [])]));
}

function halvesOf(ours: Questions, { apollo, bare }: Others, measured: Partial<Record<Name, Answered>>): Record<HalvedName, Halved> {
  const of = (target: GraphqlTarget, name: Name): Halved => ({ target, top: measured[name]?.perSecond ?? 0 });
  return {
    lookup: of(ours.lookup, 'lookup'), list: of(ours.list, 'list'),
    bareLookup: of(bare.lookup, 'lookup'), bareList: of(bare.list, 'list'),
    apolloLookup: of(apollo.lookup, 'apolloLookup'), apolloList: of(apollo.list, 'apolloList'),
  };
}

function targetsOf(measured: Partial<Record<Name, Answered>>, halves: Record<'lookup' | 'list', Answered>): Target[] {
  const ratio = (one: Name, other: Name) => (measured[one]?.perSecond ?? 0) / (measured[other]?.perSecond ?? Number.NaN);
  return [
    atLeast('lists, times Apollo on Express with constants', 2, ratio('list', 'apolloList'), 2),
    ...(measured.postgraphileList ? [atLeast('lists, times PostGraphile', 1, ratio('list', 'postgraphileList'), 2), atLeast('lookups, times PostGraphile', 1, ratio('lookup', 'postgraphileLookup'), 2)] : []),
    atLeast('lookups, share of a bare gRPC echo', 0.5, ratio('lookup', 'echo'), 2),
    atMost('lookups at half the top rate, p99 ms', 30, halves.lookup.p99),
    atMost('lists at half the top rate, p99 ms', 30, halves.list.p99),
  ];
}

function rounded(all: Partial<Record<string, Answered>>): Record<string, Answered> {
  return Object.fromEntries(Object.entries(all).flatMap(([name, answered]) => (answered ? [[name, { ...answered, perSecond: Math.round(answered.perSecond) }]] : [])));
}
