import { rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

import { Command } from 'commander';

import { temporaryFolder } from '#libs/embedded';

import type { Api } from '../scripts/start/graphql.ts';
import { Progress } from '../scripts/start/progress.ts';
import { trainAndFollow } from '../scripts/start/run.ts';
import type { System } from '../scripts/start/system.ts';
import { openShop, ownerUrlOf } from './live/shop.ts';
import { Subscriber, type Told } from './live/subscriber.ts';
import { liveTable } from './live/table.ts';
import { climb, type Tried } from './live/top.ts';
import { type Intake, sendSteadily } from './live/traffic.ts';
import { type Delay, VisibilityWatch } from './live/visibility.ts';
import { atLeast, atMost, type Benchmark } from './measurement.ts';
import { startMeasured } from './system.ts';

const RATES = [100, 1_000, 3_000];
/** Over two minutes: one event in a thousand is left behind. */
const MOST_DRIFT = 1;
const OUTAGE_RATE = 1_000;
const OUTAGE_SECONDS = 10;
/** Times as fast as events come. */
const CATCH_UP_RATE = 5;
const CAUGHT_UP_WITHIN_SECONDS = 20;

/** By rate. */
interface Stage {
  readonly delays: Record<string, Delay>;
  readonly told: Record<string, Told>;
}

/** Who looks on. */
interface Watches {
  readonly watch: VisibilityWatch;
  readonly subscriber: Subscriber;
}

export const benchmark: Benchmark = {
  about: 'from an acknowledged event to a membership that can be read: p50, p95, p99 at 100, 1,000 and 3,000 events/s, quiet and in a retrain; from the change to a subscriber; catching up after an outage; the top rate that is held',
  table: liveTable,
  run: async ({ args, tell }) => {
    const { seconds, customers, seed } = new Command()
      .option('--seconds <n>', 'of each rate', Number, 30)
      .option('--customers <n>', 'of the simulated shop', Number, 2_000)
      .option('--seed <n>', 'of the simulated shop', Number, 1)
      .parse([...args], { from: 'user' })
      .opts<{ seconds: number; customers: number; seed: number }>();
    const folder = await temporaryFolder('kindred-bench');
    const system = await startMeasured(folder, tell);
    try {
      const { api, intake } = await openShop(system, folder, seed, customers);
      const watch = await VisibilityWatch.begin(ownerUrlOf(system));
      const subscriber = new Subscriber(api.url, system.secrets.adminKey);
      const watches = { watch, subscriber };
      const quiet = await measure('quiet', intake, watches, seconds, tell);
      const retraining = await whileRetraining(api, tell, () => measure('retraining', intake, watches, seconds, tell));
      await subscriber.end();
      const outage = await measureOutage(system, intake, watch, tell);
      const tried = await climb(intake, watch, tell);
      await watch.end();
      return {
        figures: { seconds, customers, quiet: quiet.delays, retraining: retraining.delays, told: { quiet: quiet.told, retraining: retraining.told }, outage, tried },
        targets: targetsOf(quiet.delays, retraining.delays, outage.caughtUpPerSecond, tried),
      };
    } finally {
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function measure(name: string, intake: Intake, { watch, subscriber }: Watches, seconds: number, tell: (line: string) => void): Promise<Stage> {
  const delays: Record<string, Delay> = {};
  const told: Record<string, Told> = {};
  for (const rate of RATES) {
    const stage = `${name}-${rate}`;
    const began = Date.now();
    const delay = await watch.delays(await sendSteadily(intake, stage, rate, seconds), stage);
    delays[rate] = delay;
    tell(`${name}, ${rate} events/s: p50 ${delay.p50} ms, p95 ${delay.p95} ms, p99 ${delay.p99} ms, growing by ${delay.drift} ms a second`);
    const { changes, p50, p95, p99 } = (told[rate] = subscriber.since(began));
    tell(`  ${changes} changes told to a subscriber: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms`);
  }
  return { delays, told };
}

/** One run after another for as long as it takes. */
async function whileRetraining<T>(api: Api, tell: (line: string) => void, work: () => Promise<T>): Promise<T> {
  const state = { isOver: false, runs: 0 };
  const training = (async () => {
    while (!state.isOver) {
      await trainAndFollow(api, new Progress());
      await promoteHeld(api);
      state.runs += 1;
    }
  })();
  try {
    return await work();
  } finally {
    state.isOver = true;
    const { trainingRuns } = await api.ask<{ trainingRuns: { nodes: { id: string }[] } }>('{ trainingRuns(first: 1) { nodes { id } } }');
    await api.ask('mutation($id: ID!) { cancelTrainingRun(id: $id) { __typename } }', { id: trainingRuns.nodes[0]?.id });
    // The run that was cancelled is told as a failure.
    await training.catch(() => undefined);
    tell(`retrains that ended meanwhile: ${state.runs}`);
  }
}

/**
 * Under this load nobody stays away, so that what a new model foresees cannot be measured: the gate holds it, and a person promotes it. Each retrain is
 * to end in a switch here.
 */
async function promoteHeld(api: Api): Promise<void> {
  const { models } = await api.ask<{ models: { nodes: { id: string; state: string }[] } }>('{ models(first: 1) { nodes { id state } } }');
  const [newest] = models.nodes;
  if (newest?.state !== 'HELD') return;
  const { promoteModel } = await api.ask<{ promoteModel: { __typename: string; message?: string } }>('mutation($id: ID!) { promoteModel(id: $id) { __typename ... on Failure { message } } }', { id: newest.id });
  if (promoteModel.__typename !== 'Model') throw new Error(`The model of a retrain was not promoted: ${promoteModel.message}`);
}

/**
 * Serving stands still for a while (SIGSTOP) and events go on; then how fast they become visible, new ones beside, until as little is behind as
 * a second brings. What is sent goes on for as long as that may take, so that the rate is serving's and not the sender's.
 */
async function measureOutage(system: System, intake: Intake, watch: VisibilityWatch, tell: (line: string) => void) {
  const pid = system.supervisor.pids()['serving'];
  if (pid === undefined) throw new Error('serving does not run');
  process.kill(pid, 'SIGSTOP');
  const sending = sendSteadily(intake, 'outage', OUTAGE_RATE, OUTAGE_SECONDS + CAUGHT_UP_WITHIN_SECONDS);
  await wait(OUTAGE_SECONDS * 1_000);
  const resumedAt = Date.now();
  process.kill(pid, 'SIGCONT');
  const accepted = await sending;
  const delay = await watch.delays(accepted, 'outage');
  const caughtUp = await watch.catchUp(accepted, 'outage', resumedAt, OUTAGE_RATE);
  const outage = { backlog: caughtUp.backlog, seconds: Math.round(caughtUp.seconds * 100) / 100, p99: delay.p99, caughtUpPerSecond: Math.round(caughtUp.events / caughtUp.seconds) };
  tell(`after an outage of ${OUTAGE_SECONDS} s: ${outage.caughtUpPerSecond} events/s for ${outage.seconds} s`);
  return outage;
}

function targetsOf(quiet: Stage['delays'], retraining: Stage['delays'], caughtUpPerSecond: number, tried: readonly Tried[]) {
  const p99 = (delays: Record<string, Delay>, rate: number) => delays[rate]?.p99 ?? Number.NaN;
  return [
    atMost('1,000 events/s, quiet: p99 until the membership is visible, ms', 100, p99(quiet, 1_000)),
    atMost('1,000 events/s, in a retrain: p99, ms', 100, p99(retraining, 1_000)),
    atMost('3,000 events/s, quiet: delay of the last third over the first', 2, quiet['3000']?.growth ?? Number.NaN),
    atMost('3,000 events/s, in a retrain: delay of the last third over the first', 2, retraining['3000']?.growth ?? Number.NaN),
    atMost('3,000 events/s, quiet: what the delay grows by, ms a second', MOST_DRIFT, quiet['3000']?.drift ?? Number.NaN, 2),
    atMost('3,000 events/s, in a retrain: what the delay grows by, ms a second', MOST_DRIFT, retraining['3000']?.drift ?? Number.NaN, 2),
    atLeast('top rate that is held, events/s', 3_000, tried.findLast(({ isHeld }) => isHeld)?.perSecond ?? 0),
    atLeast('events/s taken in after an outage, until it is made up for', OUTAGE_RATE * CATCH_UP_RATE, caughtUpPerSecond),
  ];
}
