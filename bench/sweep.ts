import { rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

import { Command } from 'commander';
import { Client } from 'pg';

import { temporaryFolder } from '#libs/embedded';

import type { System } from '../scripts/start/system.ts';
import { cpuSeconds } from './intake/usage.ts';
import { openShop, ownerUrlOf } from './live/shop.ts';
import { type Intake, sendSteadily } from './live/traffic.ts';
import { type Delay, VisibilityWatch } from './live/visibility.ts';
import { atLeast, atMost, type Benchmark, markdown, type Recorded, targetsTable } from './measurement.ts';
import { startMeasured } from './system.ts';

const EVENTS_A_SECOND = 1_000;
/** What reads a million customers in an hour. */
const NEEDED_A_SECOND = 1_000_000 / 3_600;
const ROWS_A_STATEMENT = 10_000;

interface Swept {
  readonly statesPerSecond: number;
  /** CPU-seconds a second, of all processes of the system together. */
  readonly cores: number;
}

export const benchmark: Benchmark = {
  about: 'quiet customers read again at the present time: states a second, what they cost, and events beside them',
  table: sweepTable,
  run: async ({ args, tell }) => {
    const { seconds, customers, quiet } = new Command()
      .option('--seconds <n>', 'of each measurement', Number, 30)
      .option('--customers <n>', 'of the simulated shop, who are the ones with events', Number, 2_000)
      .option('--quiet <n>', 'customers beside them who have gone quiet', Number, 100_000)
      .parse([...args], { from: 'user' })
      .opts<{ seconds: number; customers: number; quiet: number }>();
    const folder = await temporaryFolder('kindred-bench');
    const system = await startMeasured(folder, tell);
    try {
      const { intake } = await openShop(system, folder, 1, customers);
      const watch = await VisibilityWatch.begin(ownerUrlOf(system));
      const idle = await coresOf(system, () => wait(seconds * 1_000));
      const without = await withEvents(system, intake, watch, 'without', seconds);
      tell(`without a sweep: p99 ${without.delay.p99} ms, ${without.cores} cores`);
      tell(`making ${quiet} quiet customers`);
      const bytes = await multiply(ownerUrlOf(system), quiet, tell);
      const alone = await sweptDuring(system, () => wait(seconds * 1_000));
      tell(`sweep alone: ${alone.statesPerSecond} states/s, ${alone.cores} cores`);
      let beside: Delay | undefined;
      const besideSweep = await sweptDuring(system, async () => {
        beside = (await withEvents(system, intake, watch, 'beside', seconds)).delay;
      });
      tell(`sweep beside ${EVENTS_A_SECOND} events/s: ${besideSweep.statesPerSecond} states/s, ${besideSweep.cores} cores, p99 ${beside?.p99} ms`);
      await watch.end();
      return {
        figures: { seconds, customers, quiet, bytesAState: bytes, idleCores: idle, without, alone, beside: { ...besideSweep, delay: beside } },
        targets: [
          atLeast('states read again a second, of those that a million customers an hour need', 1, hundredths(alone.statesPerSecond / NEEDED_A_SECOND)),
          atLeast('the same beside 1,000 events/s', 1, hundredths(besideSweep.statesPerSecond / NEEDED_A_SECOND)),
          atMost('1,000 events/s beside the sweep: p99 until the membership is visible, ms', 100, beside?.p99 ?? Number.NaN),
        ],
      };
    } finally {
      await system.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Figures {
  readonly quiet: number;
  readonly bytesAState: number;
  readonly idleCores: number;
  readonly without: { readonly delay: Delay; readonly cores: number };
  readonly alone: Swept;
  readonly beside: Swept & { readonly delay: Delay };
}

/** What was aimed at, and what sweeping costs beside what there is without it. */
function sweepTable(results: readonly Recorded[]): string {
  return results
    .map((result) => {
      const { quiet, bytesAState, idleCores, without, alone, beside } = result.figures as unknown as Figures;
      const rows = [
        ['nothing', '–', idleCores, '–'],
        [`${EVENTS_A_SECOND.toLocaleString('en')} events a second`, '–', without.cores, without.delay.p99],
        ['a sweep', alone.statesPerSecond, alone.cores, '–'],
        ['both', beside.statesPerSecond, beside.cores, beside.delay.p99],
      ];
      return `${targetsTable([result])}\n\n${markdown([['', 'states a second', 'cores, all processes', 'p99 ms until visible'], ...rows])}\n\n${quiet.toLocaleString('en')} quiet customers, ${bytesAState.toLocaleString('en')} bytes a state.`;
    })
    .join('\n\n');
}

async function withEvents(system: System, intake: Intake, watch: VisibilityWatch, stage: string, seconds: number): Promise<{ delay: Delay; cores: number }> {
  let delay: Delay | undefined;
  const cores = await coresOf(system, async () => {
    delay = await watch.delays(await sendSteadily(intake, stage, EVENTS_A_SECOND, seconds), stage);
  });
  if (!delay) throw new Error('no event became visible');
  return { delay, cores };
}

/** As copies of those that there are, last read two hours ago: a state's content does not change what reading it costs. Answers bytes a row. */
async function multiply(ownerUrl: string, count: number, tell: (line: string) => void): Promise<number> {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    for (let made = 0; made < count; made += ROWS_A_STATEMENT) {
      await client.query(COPY_STATES, [Math.min(ROWS_A_STATEMENT, count - made)]);
      if ((made / ROWS_A_STATEMENT) % 10 === 9) tell(`${made + ROWS_A_STATEMENT} of ${count}`);
    }
    await client.query('analyze serving.customer_states, serving.memberships');
    const { rows } = await client.query<{ bytes: number }>(`select pg_table_size('serving.customer_states') / count(*)::float8 as bytes from serving.customer_states`);
    return Math.round(rows[0]?.bytes ?? Number.NaN);
  } finally {
    await client.end();
  }
}

const COPY_STATES = `with served as (select workspace_id, model_id from serving.active_model),
  made as (
    insert into serving.customer_states (workspace_id, model_id, customer_id, segment_index, finer_index, strength, novelty, map_x, map_y, read_at, events,
      first_event_at, last_event_at, forecast_shape, forecast_values, embedding, state)
    select s.workspace_id, s.model_id, gen_random_uuid(), segment_index, finer_index, strength, novelty, map_x, map_y, now() - interval '2 hours', events,
      first_event_at, least(last_event_at, now() - interval '2 hours'), forecast_shape, forecast_values, embedding, state
    from (select s.*, row_number() over () as n from serving.customer_states s join served using (workspace_id, model_id)) s
      cross join (select count(*) as all from serving.customer_states join served using (workspace_id, model_id)) c
      cross join lateral generate_series(1, 1 + $1::int / c.all) as again
    limit $1 returning workspace_id, model_id, customer_id, segment_index, finer_index, strength)
  insert into serving.memberships (workspace_id, customer_id, level, segment_id, finer_segment_id, since, strength, decided_at, model_id)
  select made.workspace_id, customer_id, 0, v.segment_id, f.segment_id, now() - interval '2 hours', strength, now() - interval '2 hours', made.model_id
  from made left join serving.segment_versions v on v.model_id = made.model_id and v.segment_index = made.segment_index
    left join serving.segment_versions f on f.model_id = made.model_id and f.segment_index = made.finer_index`;

async function sweptDuring(system: System, work: () => Promise<unknown>): Promise<Swept> {
  const before = await readBySweep(system);
  const began = performance.now();
  const cores = await coresOf(system, work);
  const seconds = (performance.now() - began) / 1_000;
  return { statesPerSecond: Math.round(((await readBySweep(system)) - before) / seconds), cores };
}

async function readBySweep({ ports }: System): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${ports.servingHttp}/metrics`)).text();
  return Number(/^kindred_serving_customers_read_total{cause="sweep"} (\d+)/m.exec(text)?.[1] ?? 0);
}

async function coresOf(system: System, work: () => Promise<unknown>): Promise<number> {
  const roots = Object.values(system.pids()).filter((pid) => pid !== undefined);
  const [before, began] = [await cpuSeconds(roots), performance.now()];
  await work();
  return hundredths((await cpuSeconds(roots) - before) / ((performance.now() - began) / 1_000));
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
