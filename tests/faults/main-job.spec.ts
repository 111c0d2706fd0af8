import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryFolder } from '#libs/embedded';

import { freeBase } from '../../bench/ports.ts';
import { Api } from '../../scripts/start/graphql.ts';
import { bootstrapWorkspace } from '../../scripts/start/main-job.ts';
import { Progress } from '../../scripts/start/progress.ts';
import { sendHistory } from '../../scripts/start/simulated-shop.ts';
import { startSystem, type System } from '../../scripts/start/system.ts';
import { until } from '../e2e/ready.ts';

interface Run {
  state: string;
  error: { message: string } | null;
  model: { id: string } | null;
  steps: { state: string; attempts: number }[];
}

let folder: string;
let system: System;
let api: Api;

beforeAll(async () => {
  folder = await temporaryFolder('kindred-faults');
  system = await startSystem({ port: await freeBase(), data: join(folder, 'data'), tell: () => undefined });
  await bootstrapWorkspace(system.ports.accessGrpc, system.secrets);
  api = new Api(`http://127.0.0.1:${system.ports.gateway}/graphql`, system.secrets.adminKey);
  await sendHistory({ intake: `http://127.0.0.1:${system.ports.intake}`, writeKey: system.secrets.writeKey, folder, seed: 3, customers: 500 }, new Progress());
}, 180_000);

afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

const runOf = async (id: string) =>
  (await api.ask<{ trainingRun: Run }>('query($id: ID!) { trainingRun(id: $id) { state error { message } model { id } steps { state attempts } } }', { id })).trainingRun;

/** Starts a run, kills a process in the midst of training, and gives the run as it ended. */
async function killWhileTraining(name: 'training' | 'worker-train'): Promise<Run> {
  const { startTrainingRun } = await api.ask<{ startTrainingRun: { id: string } }>('mutation { startTrainingRun { ... on TrainingRun { id } } }');
  const { id } = startTrainingRun;
  await until(() => runOf(id), (run) => run.state === 'TRAINING', 60_000);
  process.kill(system.supervisor.pids()[name]!, 'SIGKILL');
  const ended = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
  return until(() => runOf(id), (run) => ended.includes(run.state), 240_000);
}

test.each(['training', 'worker-train'] as const)('a run ends once, successfully, when %s is killed while it trains', async (name) => {
  const run = await killWhileTraining(name);
  expect(run.error).toBeNull();
  expect(run.state).toBe('SUCCEEDED');
  expect(run.model).not.toBeNull();
  const { models } = await api.ask<{ models: { nodes: { run: { id: string } | null }[] } }>('{ models(first: 10) { nodes { run { id } } } }');
  const runs = models.nodes.map((model) => model.run?.id);
  expect(new Set(runs).size).toBe(runs.length);
}, 320_000);
