import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { training } from '#libs/contracts';
import { startValkey } from '#libs/embedded';
import type { Call } from '#libs/grpc';

import type { Barrier } from '../contract/fake-server.js';
import { eventually, startRequest, TrainingHouse, type TrainingProcess, until } from '../contract/training-house.js';

const { RunState, ModelState } = training;

let house: TrainingHouse;
beforeAll(async () => {
  house = await TrainingHouse.open('run-faults');
  service = await house.start();
});
afterAll(() => house?.close());
afterEach(async () => {
  house.worker.reset();
  house.ingestion.halfway.go();
  house.serving.beforeAnswer.go();
  for (const started of replicas.splice(0)) await started.kill();
});

/** The service that the tests hand on to one another; `restarted` after one that killed it. */
let service: TrainingProcess;
const replicas: TrainingProcess[] = [];
async function replica(environment: Record<string, string> = {}): Promise<TrainingProcess> {
  const started = await house.start(environment);
  replicas.push(started);
  return started;
}

interface Begun {
  readonly id: string;
  readonly call: Call;
  readonly workspaceId: string;
}

async function begin(by = service): Promise<Begun> {
  const { call, workspaceId } = await house.workspace();
  const { run } = await by.runs.startRun(startRequest(), call);
  return { id: run?.id ?? '', call, workspaceId };
}

/** The run ends once, successfully: one model, promoted by one switch, all its files and nothing else left to do. */
async function expectOneEnd({ id, call, workspaceId }: Begun, seenBy = service): Promise<training.Run> {
  const run = await until(seenBy, call, id, RunState.SUCCEEDED);
  const champion = await eventually(async () => (await seenBy.models.getModels({ ids: [], champion: true }, call)).models[0]);
  expect(champion).toMatchObject({ id: run.modelId, version: 1, state: ModelState.CHAMPION });
  const models = await house.rows('select id from training.models where workspace_id = $1', [workspaceId]);
  expect(models).toHaveLength(1);
  expect(house.serving.switches.filter(({ modelId }) => modelId === run.modelId)).toHaveLength(1);
  await eventually(async () => (await house.rows('select 1 from training.open_work where workspace_id = $1', [workspaceId])).length === 0);
  return run;
}

/** Every step of the training is in the curve, once. */
function expectWholeCurve({ metrics }: training.Run): void {
  expect(metrics[0]?.points.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
}

/** Waits until the first half of the curve is in the row: a crash costs what was told in the last second. */
async function halfCurveWritten({ id }: Begun): Promise<void> {
  await eventually(async () => (await house.rows('select 1 from training.run_metrics where run_id = $1 and cardinality(steps) = 10', [id])).length > 0);
}

/** Holds a new run in the middle of its training. */
async function beginAndHold(by = service): Promise<Begun> {
  house.worker.halfway.train.hold();
  const run = await begin(by);
  await house.worker.halfway.train.reached.next();
  return run;
}

/** Waits until the worker has noticed that nobody listens to the training any more, and lets the next one pass. */
async function brokenOff(): Promise<void> {
  await eventually(async () => house.worker.callsOf('train')[0]?.outcome === 'broken off');
  house.worker.halfway.train.go();
}

async function killAndRestart(meanwhile: () => unknown = () => undefined): Promise<void> {
  await service.kill();
  await meanwhile();
  service = await house.start();
}

describe('killed with -9, the training service', () => {
  const places: [string, () => Barrier][] = [
    ['while the snapshot is made', () => house.ingestion.halfway],
    ['while segments are discovered', () => house.worker.halfway.discover],
    ['while the model is evaluated', () => house.worker.halfway.evaluate],
    ['while everyone is read', () => house.worker.halfway.embed],
    ['after serving switched and before that is written down', () => house.serving.beforeAnswer],
  ];
  it.each(places)('%s, goes on after a restart and the run ends once', async (_, place) => {
    place().hold();
    const run = await begin();
    await place().reached.next();
    await killAndRestart(() => place().go());
    const began = Date.now();
    const ended = await expectOneEnd(run);
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(house.worker.callsOf('train').filter(({ outcome }) => outcome === 'completed')).toHaveLength(1);
    expect(ended.steps.every(({ attempts }) => attempts <= 2)).toBe(true);
  });

  it('while the encoder is trained, resumes from the last checkpoint and the curve goes on', async () => {
    const run = await beginAndHold();
    await halfCurveWritten(run);
    await killAndRestart(brokenOff);
    expectWholeCurve(await expectOneEnd(run));
    expect(house.worker.callsOf('train').map(({ resumedFrom, outcome }) => [resumedFrom, outcome])).toEqual([[0, 'broken off'], [10, 'completed']]);
  });

  it('between every two steps, ends the run once', async () => {
    const killedAfter: string[] = [];
    await house.onStepFinished((state) => {
      killedAfter.push(state);
      service.signal('SIGKILL');
    });
    const run = await begin();
    for (let kills = 1; kills <= 5; kills++) {
      await eventually(async () => killedAfter.length >= kills);
      await killAndRestart();
    }
    await expectOneEnd(run);
    expect(killedAfter).toEqual(['SNAPSHOTTING', 'TRAINING', 'DISCOVERING', 'EVALUATING', 'BACKFILLING']);
    await house.stopListening();
  }, 180_000);

  it('while it cancels, has cancelled after a restart', async () => {
    const run = await beginAndHold();
    await service.runs.cancelRun({ id: run.id }, run.call);
    await killAndRestart();
    await until(service, run.call, run.id, RunState.CANCELLED);
  });
});

describe('Redis', () => {
  it('emptied while a run is trained: training goes on undisturbed and the rest is enqueued again', async () => {
    const run = await beginAndHold();
    await house.redis.flushall();
    house.worker.halfway.train.go();
    expectWholeCurve(await expectOneEnd(run));
    expect(house.worker.callsOf('train')).toHaveLength(1);
    const [row] = await house.rows<{ fence: number }>('select fence from training.runs where id = $1', [run.id]);
    expect(row?.fence).toBeGreaterThan(1);
  });

  it('emptied while the service is down: the run goes on with the step it was in', async () => {
    house.worker.halfway.evaluate.hold();
    const run = await begin();
    await house.worker.halfway.evaluate.reached.next();
    await killAndRestart(async () => {
      await house.redis.flushall();
      house.worker.halfway.evaluate.go();
    });
    await expectOneEnd(run);
    expect(house.worker.callsOf('discover')).toHaveLength(1);
  });

  it('killed and back empty: it is waited for, and a run started meanwhile begins then', async () => {
    const running = await beginAndHold();
    house.platform.valkey.kill('SIGKILL');
    await house.platform.valkey.ended;
    const queued = await begin();
    const dataDir = await mkdtemp(join(tmpdir(), 'kindred-valkey-'));
    const valkey = await startValkey({ dataDir, port: Number(new URL(house.platform.redisUrl).port), python: resolve('.venv') });
    afterSuite.push(async () => {
      await valkey.stop();
      await rm(dataDir, { recursive: true, force: true });
    });
    house.worker.halfway.train.go();
    await expectOneEnd(running);
    await expectOneEnd(queued);
  });
});

const afterSuite: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const clean of afterSuite) await clean();
});

describe('the worker', () => {
  it('killed while training: it is waited for, resumes from its last checkpoint, and the curve goes on', async () => {
    const run = await beginAndHold();
    house.worker.kill();
    await brokenOff();
    await eventually(async () => (await service.runs.getRuns({ ids: [run.id], withMetrics: false }, run.call)).runs[0]?.step === 'waiting for the training worker');
    await house.worker.start();
    expectWholeCurve(await expectOneEnd(run));
    expect(house.worker.callsOf('train').map(({ resumedFrom }) => resumedFrom)).toEqual([0, 10]);
  });

  it('away for longer than is waited for: the run fails with the remedy', async () => {
    await service.kill();
    const impatient = await replica({ WORKER_TRAIN_ADDRESS: '127.0.0.1:1', PEER_ABSENCE_SECONDS: '1' });
    const run = await begin(impatient);
    const { error } = await until(impatient, run.call, run.id, RunState.FAILED);
    expect(error).toEqual({
      code: 'WORKER_UNAVAILABLE',
      message: 'The training worker could not be reached. See that it runs, then start a new run.',
      state: RunState.TRAINING,
    });
    service = await house.start();
  });
});

describe('two replicas', () => {
  it('one stopped in mid-step and woken after the other took over: its late results are refused', async () => {
    const run = await beginAndHold();
    const second = await replica();
    service.signal('SIGSTOP');
    house.worker.halfway.train.go();
    await expectOneEnd(run, second);
    service.signal('SIGCONT');
    await expectOneEnd(run);
    expect(house.worker.callsOf('discover')).toHaveLength(1);
  });

  it('cancel each other’s runs', async () => {
    const run = await beginAndHold();
    const second = await replica();
    const began = Date.now();
    await second.runs.cancelRun({ id: run.id }, run.call);
    await until(second, run.call, run.id, RunState.CANCELLED);
    expect(Date.now() - began).toBeLessThan(2_000);
    expect(house.worker.callsOf('train').map(({ outcome }) => outcome)).toEqual(['broken off']);
  });

  it('one told to stop hands its step back at once and the other goes on', async () => {
    const run = await beginAndHold();
    const second = await replica();
    house.worker.halfway.train.go();
    const began = Date.now();
    await service.kill('SIGTERM');
    expect(Date.now() - began).toBeLessThan(10_000);
    await expectOneEnd(run, second);
    service = await house.start();
  });
});

it('a run survives that Postgres drops every connection', async () => {
  const run = await beginAndHold();
  await house.rows("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'kindred_training'");
  house.worker.halfway.train.go();
  expectWholeCurve(await expectOneEnd(run));
});
