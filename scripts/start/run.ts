import type { Api } from './graphql.ts';
import type { Progress } from './progress.ts';
import { StartError } from './system.ts';

interface Run {
  id: string;
  state: string;
  progress: number;
  step: string | null;
  rate: number | null;
  rateUnit: string | null;
  remainingSeconds: number | null;
  error: { code: string; message: string } | null;
  steps: { state: string; startedAt: string | null; finishedAt: string | null }[];
}

const RUN = `fragment Standing on TrainingRun {
  id state progress step rate rateUnit remainingSeconds error { code message } steps { state startedAt finishedAt }
}`;

/** Starts a run as a product team would, or takes the one that is under way, and follows it to its end. */
export async function trainAndFollow(api: Api, progress: Progress): Promise<Run> {
  const { startTrainingRun: started } = await api.ask<{
    startTrainingRun: { __typename: string; id?: string; message?: string; run?: { id: string } };
  }>(`mutation { startTrainingRun { __typename ... on TrainingRun { id } ... on RunActive { run { id } } ... on Failure { message } } }`);
  const id = started.id ?? started.run?.id;
  if (id === undefined) throw new StartError(started.message ?? 'The run could not be started.');

  progress.begin('Learning behaviour');
  for await (const { trainingRunUpdated: run } of api.follow<{ trainingRunUpdated: Run }>(
    `subscription($id: ID!) { trainingRunUpdated(id: $id) { ...Standing } } ${RUN}`,
    { id },
  )) {
    progress.set({
      fraction: run.progress,
      what: run.step ?? run.state.toLowerCase(),
      rate: run.rate,
      unit: run.rateUnit,
      remainingSeconds: run.remainingSeconds,
    });
  }
  const { trainingRun } = await api.ask<{ trainingRun: Run }>(`query($id: ID!) { trainingRun(id: $id) { ...Standing } } ${RUN}`, { id });
  if (trainingRun.state !== 'SUCCEEDED') {
    progress.end(trainingRun.state.toLowerCase());
    throw new StartError(trainingRun.error?.message ?? `The run ended as ${trainingRun.state}.`);
  }
  progress.end('segments found and promoted');
  return trainingRun;
}

/** Waits until a model is served: the first approved one is promoted by itself. */
export async function untilChampion(api: Api, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const { model, models } = await api.ask<{ model: { id: string } | null; models: { nodes: { state: string; verdict: string | null }[] } }>(
      '{ model(champion: true) { id } models(first: 1) { nodes { state verdict } } }',
    );
    if (model) return;
    const newest = models.nodes[0];
    if (newest?.state === 'HELD') throw new StartError(`The model was held back: ${newest.verdict ?? 'no reason given'} It can be promoted by hand on the admin page.`);
    if (Date.now() > deadline) throw new StartError('No model was promoted within a minute. The log of training tells why.');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
