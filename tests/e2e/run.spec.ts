import { globSync } from 'node:fs';
import { dirname } from 'node:path';

import { api, readyFile, until } from './ready.ts';

interface Started {
  startTrainingRun: { __typename: string; id?: string; run?: { id: string } };
}

interface Profile {
  encoder: string;
  halfLifeDays: number[];
  horizonDays: number[];
  mainEvents: string[];
  notes: string[];
  isGuarded: boolean;
  properties: { name: string; isKept: boolean; missing: number; reason: string | null }[];
}

const START = 'mutation { startTrainingRun { __typename ... on TrainingRun { id } ... on RunActive { run { id } } } }';
const STATE = 'query($id: ID!) { trainingRun(id: $id) { state progress } }';
const snapshots = async (): Promise<string[]> => globSync('artifacts/*/snapshots/*', { cwd: dirname(readyFile) });
const state = async (id: string) => (await api().ask<{ trainingRun: { state: string; progress: number } }>(STATE, { id })).trainingRun;

test('a run is followed live from queue to success, and its segments keep their identity', async () => {
  const before = await api().ask<{ segments: { nodes: { id: string }[] }; model: { version: number } }>(
    '{ segments(first: 50) { nodes { id } } model(champion: true) { version } }',
  );
  const { startTrainingRun: started } = await api().ask<Started>(START);
  expect(started.__typename).toBe('TrainingRun');
  const seen: { state: string; progress: number }[] = [];
  for await (const { trainingRunUpdated } of api().follow<{ trainingRunUpdated: { state: string; progress: number } }>(
    'subscription($id: ID!) { trainingRunUpdated(id: $id) { state progress } }',
    { id: started.id },
  )) {
    seen.push(trainingRunUpdated);
  }
  expect(seen.at(-1)?.state).toBe('SUCCEEDED');
  expect(seen.length).toBeGreaterThan(3);
  expect(seen.map((run) => run.progress)).toEqual(seen.map((run) => run.progress).toSorted((a, b) => a - b));

  const after = await until(
    () => api().ask<{ segments: { nodes: { id: string }[] }; model: { version: number } }>('{ segments(first: 50) { nodes { id } } model(champion: true) { version } }'),
    ({ model }) => model.version > before.model.version,
  );
  const kept = after.segments.nodes.filter(({ id }) => before.segments.nodes.some((segment) => segment.id === id));
  expect(kept.length).toBeGreaterThanOrEqual(Math.ceil(before.segments.nodes.length / 2));
}, 300_000);

test('a model tells what its data were like, and what was taken from them', async () => {
  const { model } = await api().ask<{ model: { profile: Profile } }>(
    '{ model(champion: true) { profile { encoder halfLifeDays horizonDays mainEvents notes isGuarded properties { name isKept missing reason } } } }',
  );
  const { properties, halfLifeDays, horizonDays, ...rest } = model.profile;
  expect(rest).toMatchObject({ encoder: 'decayed_sum', isGuarded: true, mainEvents: expect.arrayContaining(['Order Completed']) });
  for (const days of [halfLifeDays, horizonDays]) expect(days.length > 1 && days.every((value, at) => value > (days[at - 1] ?? 0))).toBe(true);
  // The simulator writes a fresh id on each order.
  expect(properties.find(({ name }) => name === 'order_id')).toMatchObject({ isKept: false, reason: expect.stringContaining('id') });
  expect(properties.find(({ name }) => name === 'price')).toMatchObject({ isKept: true, reason: null });
  expect(rest.notes).toEqual(expect.arrayContaining([expect.stringContaining('order_id is left out')]));
});

test('a second run is refused while one is under way, and the first can be cancelled within seconds and leaves no snapshot', async () => {
  const before = await snapshots();
  const { startTrainingRun: first } = await api().ask<Started>(START);
  const { startTrainingRun: second } = await api().ask<Started>(START);
  expect(second).toMatchObject({ __typename: 'RunActive', run: { id: first.id } });
  await until(() => state(first.id!), (run) => run.state === 'TRAINING', 60_000);
  expect(await snapshots()).toHaveLength(before.length + 1);
  await api().ask('mutation($id: ID!) { cancelTrainingRun(id: $id) { __typename } }', { id: first.id });
  await until(() => state(first.id!), (run) => run.state === 'CANCELLED', 15_000);
  await until(snapshots, (left) => left.length === before.length, 15_000);
}, 120_000);

test('a run that names what no event has is refused before it begins', async () => {
  const refused = async (input: object) => {
    const { startTrainingRun } = await api().ask<{ startTrainingRun: { __typename: string; message?: string } }>(
      'mutation($input: StartTrainingRunInput) { startTrainingRun(input: $input) { __typename ... on Failure { message } } }', { input },
    );
    return startTrainingRun.message;
  };
  // Not of properties: another suite may have put events into archives, where these are not looked for.
  expect(await refused({ mainEvents: ['Order Completed', 'Order Complted'] })).toBe("The training spec cannot be used: mainEvents: no event is named 'Order Complted'.");
});

test('rollback serves the former model again', async () => {
  const champion = async () => (await api().ask<{ model: { version: number } }>('{ model(champion: true) { version } }')).model.version;
  const before = await champion();
  const answer = await api().ask<{ rollbackModel: { __typename: string } }>('mutation { rollbackModel { __typename ... on Failure { message } } }');
  expect(answer.rollbackModel.__typename).toBe('Model');
  expect(await champion()).toBeLessThan(before);
}, 60_000);
