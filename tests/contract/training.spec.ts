import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';

import { training } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { SAMPLE } from './fake-worker.js';
import { eventually, startRequest, TrainingHouse, type TrainingProcess, until } from './training-house.js';

const { RunState, ModelState } = training;

let house: TrainingHouse;
let service: TrainingProcess;
beforeAll(async () => {
  house = await TrainingHouse.open('training-contract');
  service = await house.start();
});
afterAll(() => house?.close());
afterEach(() => {
  house.worker.reset();
  house.ingestion.failWith = undefined;
  house.ingestion.failRemovalWith = undefined;
  house.ingestion.missing = { events: [], properties: [], numbers: [] };
});

/** Runs from start to end and waits for the model to go live. */
async function completed(call: { principal?: string }, spec = {}): Promise<{ run: training.Run; model: training.Model }> {
  const { run } = await service.runs.startRun(startRequest(spec), call);
  const ended = await until(service, call, run?.id ?? '', RunState.SUCCEEDED);
  const model = await eventually(async () => {
    const { models } = await service.models.getModels({ ids: [ended.modelId], champion: false }, call);
    return models.find(({ state }) => state !== ModelState.CANDIDATE && state !== ModelState.APPROVED);
  });
  return { run: ended, model };
}

const openRuns = async (id: string): Promise<number> => (await house.rows('select 1 from training.open_work where id = $1', [id])).length;

const failure = (promise: Promise<unknown>): Promise<RpcError> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as RpcError,
  );

describe('a run', () => {
  it('goes through every step to a champion, and tells how', async () => {
    const { call, workspaceId } = await house.workspace();
    const { run, model } = await completed(call, { seed: 5 });

    expect(run).toMatchObject({ state: RunState.SUCCEEDED, progress: 1, requestedBy: 'key:test', events: 1_000, customers: 100 });
    expect(run.steps.map(({ state, attempts }) => [state, attempts])).toEqual(
      [RunState.SNAPSHOTTING, RunState.TRAINING, RunState.DISCOVERING, RunState.EVALUATING, RunState.BACKFILLING].map((state) => [state, 1]),
    );
    for (const { startedAt, finishedAt } of run.steps) expect(Date.parse(finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(startedAt ?? ''));
    expect(run.metrics).toEqual([{ name: 'loss', points: Array.from({ length: 20 }, (_, i) => ({ step: i + 1, value: 1 - (i + 1) / 32 })) }]);
    expect(model).toMatchObject({ version: 1, state: ModelState.CHAMPION, runId: run.id, segmentCount: 2, position: { horizon: 42, sequence: 7 }, evaluationSample: SAMPLE });
    expect(model.verdict).toBe(
      'Approved: 2 segments; alike when found again (agreement 0.94); foresees customers with AUC 0.81, against 0.79 by recency, frequency and monetary value; all 100 customers have a place.',
    );
    const shadow = house.serving.shadows.find(({ modelId }) => modelId === model.id);
    expect(shadow).toMatchObject({ modelHash: model.hash, customersUri: `${model.uri}/customers.parquet`, championModelId: '' });
    expect(shadow?.segments.map(({ name }) => name)).toEqual(['Weekend browsers', 'Steady buyers']);
    expect(await house.rows('select 1 from training.open_work where workspace_id = $1', [workspaceId])).toEqual([]);
    expect(await eventually(async () => (await house.redis.keys(`*${run.id}*`)).length === 0)).toBe(true);
  });

  it('is told to watchers as it goes on, with progress that never falls', async () => {
    const { call } = await house.workspace();
    house.worker.halfway.train.hold();
    const { run } = await service.runs.startRun(startRequest(), call);
    const seen: training.Run[] = [];
    for await (const { run: now } of service.runs.watchRun({ id: run?.id ?? '' }, call)) {
      if (!now) continue;
      seen.push(now);
      if (now.step === 'epoch 10 of 20') house.worker.halfway.train.go();
    }
    expect(seen.at(-1)?.state).toBe(RunState.SUCCEEDED);
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.map(({ progress }) => progress)).toEqual(seen.map(({ progress }) => progress).sort((a, b) => a - b));
    const training10 = seen.find(({ step }) => step === 'epoch 10 of 20');
    expect(training10).toMatchObject({ state: RunState.TRAINING, rate: 1_000, rateUnit: 'events' });
    // A second of this step, and the steps after it.
    expect(training10?.remainingSeconds).toBeGreaterThan(2);
  });

  it('is refused while another of the workspace is not over, and names it', async () => {
    const { call } = await house.workspace();
    house.worker.halfway.train.hold();
    const { run } = await service.runs.startRun(startRequest(), call);
    expect(await failure(service.runs.startRun(startRequest(), call))).toMatchObject({
      status: status.FAILED_PRECONDITION,
      reason: 'RUN_ACTIVE',
      metadata: { runId: run?.id },
    });
    const { call: elsewhere } = await house.workspace();
    await expect(service.runs.startRun(startRequest(), elsewhere)).resolves.toMatchObject({ run: { state: RunState.QUEUED } });
    house.worker.halfway.train.go();
    await until(service, call, run?.id ?? '', RunState.SUCCEEDED);
  });

  it.each([
    [{ encoder: 'lstm' }, 'encoder'],
    [{ objectives: [{ name: 'tarot', weight: 1 }] }, 'objectives'],
    [{ sampleFraction: 1.5 }, 'sampleFraction'],
    [{ segmentCount: 1 }, 'segmentCount'],
    [{ objectives: [{ name: 'horizon', weight: -1 }] }, 'objectives.0.weight'],
  ])('is refused with the spec %j, naming the field', async (spec, field) => {
    const { call } = await house.workspace();
    expect(await failure(service.runs.startRun(startRequest(spec), call))).toMatchObject({
      status: status.INVALID_ARGUMENT,
      reason: 'SPEC_INVALID',
      metadata: { field },
    });
    expect((await service.runs.listRuns({ page: undefined, state: RunState.UNSPECIFIED }, call)).runs).toEqual([]);
  });

  it.each([
    ['mainEvents', { mainEvents: ['Order Completed', 'Nothing Such'] }, "mainEvents: no event is named 'Nothing Such'"],
    ['keepProperties', { keepProperties: ['products.price', 'colour', 'products.size'] }, "keepProperties: no event has a property 'colour', 'products.size'"],
    ['itemField', { valueProperty: 'revenue', itemField: 'products.size' }, "itemField: no event has a property 'products.size'"],
    ['valueProperty', { valueProperty: 'coupon' }, "valueProperty: no event has a number in 'coupon'"],
  ])('is refused where nothing has what is named in its %s', async (field, spec, said) => {
    const { call } = await house.workspace();
    house.ingestion.missing = { events: ['Nothing Such'], properties: ['colour', 'products.size'], numbers: ['coupon'] };
    const refused = await failure(service.runs.startRun(startRequest(spec), call));
    expect(refused).toMatchObject({ reason: 'SPEC_INVALID', metadata: { field } });
    expect(refused.message).toContain(said);
    expect((await service.runs.listRuns({ page: undefined, state: RunState.UNSPECIFIED }, call)).runs).toEqual([]);
  });

  it('can be asked for what the worker knows to train, while that is there', async () => {
    const { call } = await house.workspace();
    const { choices } = await service.runs.getSpecChoices({}, call);
    expect(choices?.encoders).toContainEqual({ name: 'transformer', hasLiveForm: false });
    expect(choices?.objectives).toContain('next_event');
    house.worker.kill();
    expect(await failure(service.runs.getSpecChoices({}, call))).toMatchObject({ status: status.UNAVAILABLE });
    await house.worker.start();
  });

  it('begins while the worker is away, which then says what is wrong with the spec', async () => {
    const { call } = await house.workspace();
    house.worker.kill();
    const { run } = await service.runs.startRun(startRequest({ objectives: [{ name: 'tarot', weight: 1 }] }), call);
    await house.worker.start();
    const { error } = await until(service, call, run?.id ?? '', RunState.FAILED);
    expect(error).toMatchObject({ code: 'SPEC_INVALID', state: RunState.TRAINING });
  });

  it('fails with the counts and the remedy when there is too little to learn from, and leaves no files', async () => {
    const { call, workspaceId } = await house.workspace();
    const metadata = { needed: '200 customers', found: '12' };
    house.worker.failWith.train = RpcError.precondition('Customers with at least two events are needed.', { reason: 'TOO_LITTLE_DATA', metadata });
    const { run } = await service.runs.startRun(startRequest(), call);
    const ended = await until(service, call, run?.id ?? '', RunState.FAILED);
    expect(ended.error).toEqual({
      code: 'TOO_LITTLE_DATA',
      message:
        'Customers with at least two events are needed. Needed: 200 customers; found: 12. Send or import more events and start a new run.',
      state: RunState.TRAINING,
    });
    house.worker.reset();
    const { run: next } = await completed(call);
    expect(await eventually(async () => !existsSync(house.runFolder(workspaceId, ended.id)) && house.ingestion.removed.includes(ended.id))).toBe(true);
    expect(existsSync(house.runFolder(workspaceId, next.id))).toBe(true);
    expect(house.ingestion.removed).not.toContain(next.id);
  });

  it('fails clearly when there is nothing to export', async () => {
    const { call } = await house.workspace();
    house.ingestion.failWith = RpcError.precondition('There is nothing.', { reason: 'NO_EVENTS' });
    const { run } = await service.runs.startRun(startRequest(), call);
    const { error } = await until(service, call, run?.id ?? '', RunState.FAILED);
    expect(error).toMatchObject({ code: 'TOO_LITTLE_DATA', state: RunState.SNAPSHOTTING });
  });

  it('fails clearly when the artefact store is full, and the champion stays', async () => {
    const { call } = await house.workspace();
    const { model } = await completed(call);
    house.worker.failWith.embed = new RpcError(status.RESOURCE_EXHAUSTED, 'No space left on device', { reason: 'NO_SPACE' });
    const { run } = await service.runs.startRun(startRequest(), call);
    const { error } = await until(service, call, run?.id ?? '', RunState.FAILED);
    expect(error).toMatchObject({ code: 'NO_SPACE', state: RunState.BACKFILLING });
    const { models } = await service.models.getModels({ ids: [], champion: true }, call);
    expect(models.map(({ id }) => id)).toEqual([model.id]);
  });

  it('refuses a file that is not the one the worker wrote', async () => {
    const { call } = await house.workspace();
    house.worker.isCorrupt = true;
    const { run } = await service.runs.startRun(startRequest(), call);
    const { error } = await until(service, call, run?.id ?? '', RunState.FAILED);
    expect(error).toMatchObject({ code: 'ARTIFACT_CORRUPT', state: RunState.TRAINING });
  });

  it('is cancelled within two seconds, stops its worker, and leaves nothing', async () => {
    const { call, workspaceId } = await house.workspace();
    house.worker.halfway.train.hold();
    const { run } = await service.runs.startRun(startRequest(), call);
    const id = run?.id ?? '';
    await house.worker.halfway.train.reached.next();
    const began = Date.now();
    expect((await service.runs.cancelRun({ id }, call)).run?.state).toBe(RunState.CANCELLING);
    await until(service, call, id, RunState.CANCELLED);
    expect(Date.now() - began).toBeLessThan(2_000);
    expect(house.worker.callsOf('train').map(({ outcome }) => outcome)).toEqual(['broken off']);
    expect(await eventually(async () => !existsSync(house.runFolder(workspaceId, id)) && house.ingestion.removed.includes(id))).toBe(true);
    expect(await eventually(async () => (await openRuns(id)) === 0)).toBe(true);
    expect(await failure(service.runs.cancelRun({ id }, call))).toMatchObject({ status: status.FAILED_PRECONDITION, reason: 'RUN_ENDED' });
    expect(await eventually(async () => (await house.redis.keys(`*${id}*`)).length === 0)).toBe(true);
  });

  it('leaves no snapshot behind where ingestion was away when it was cancelled', async () => {
    const { call } = await house.workspace();
    house.ingestion.failRemovalWith = new RpcError(status.UNAVAILABLE, 'It is away.', { reason: 'AWAY' });
    house.worker.halfway.train.hold();
    const { run } = await service.runs.startRun(startRequest(), call);
    const id = run?.id ?? '';
    await house.worker.halfway.train.reached.next();
    await service.runs.cancelRun({ id }, call);
    await until(service, call, id, RunState.CANCELLED);
    expect(await openRuns(id)).toBe(1);
    house.ingestion.failRemovalWith = undefined;
    expect(await eventually(async () => house.ingestion.removed.includes(id) && (await openRuns(id)) === 0)).toBe(true);
  });

  it('is unknown in another workspace, to get, cancel and watch', async () => {
    const { call } = await house.workspace();
    const { run } = await completed(call);
    const { call: stranger } = await house.workspace();
    for (const id of [run.id, 'no id at all']) {
      expect((await service.runs.getRuns({ ids: [id], withMetrics: true }, stranger)).runs).toEqual([]);
      expect(await failure(service.runs.cancelRun({ id }, stranger))).toMatchObject({ status: status.NOT_FOUND, reason: 'RUN_UNKNOWN' });
      const watching = (async () => {
        for await (const { run: seen } of service.runs.watchRun({ id }, stranger)) throw new Error(`saw ${seen?.id}`);
      })();
      expect(await failure(watching)).toMatchObject({ status: status.NOT_FOUND });
    }
  });

  it('is listed page by page, newest first, by state', async () => {
    const { call } = await house.workspace();
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.unshift((await completed(call)).run.id);
    const page = (after: string) => service.runs.listRuns({ page: { first: 2, after }, state: RunState.SUCCEEDED }, call);
    const first = await page('');
    const second = await page(first.pageInfo?.endCursor ?? '');
    expect([first, second].map(({ runs }) => runs.map(({ id }) => id))).toEqual([ids.slice(0, 2), ids.slice(2)]);
    expect([first, second].map(({ pageInfo }) => [pageInfo?.hasNextPage, pageInfo?.totalCount])).toEqual([[true, 3], [false, 3]]);
    expect((await service.runs.listRuns({ page: undefined, state: RunState.FAILED }, call)).runs).toEqual([]);
    const several = async (withMetrics: boolean, asked = [...ids, 'no id']) => (await service.runs.getRuns({ ids: asked, withMetrics }, call)).runs;
    const known = [...first.runs, ...second.runs].toSorted((a, b) => a.id.localeCompare(b.id));
    const sorted = (runs: training.Run[]) => runs.toSorted((a, b) => a.id.localeCompare(b.id));
    expect(sorted(await several(false))).toEqual(known);
    const whole = sorted(await several(true));
    expect(whole.map((run) => ({ ...run, metrics: [] }))).toEqual(known);
    expect(whole.every(({ metrics }) => metrics.some(({ points }) => points.length > 0))).toBe(true);
    expect(await failure(several(true, Array.from({ length: 51 }, () => 'no id')))).toMatchObject({ reason: 'TOO_MANY_IDS' });
    expect(await failure(service.runs.listRuns({ page: { first: 501, after: '' }, state: RunState.UNSPECIFIED }, call))).toMatchObject({
      status: status.INVALID_ARGUMENT,
    });
  });
});

describe('models', () => {
  it('are matched with the champion, replace it, and can be rolled back and promoted again', async () => {
    const { call } = await house.workspace();
    const { model: first } = await completed(call, { seed: 1 });
    const { model: second, run } = await completed(call, { seed: 2 });
    expect(house.worker.callsOf('discover').find(({ runId }) => runId === run.id)?.championCustomersUri).toBe(`${first.uri}/customers.parquet`);
    expect(house.serving.shadows.find(({ modelId }) => modelId === second.id)?.championModelId).toBe(first.id);
    const states = async () => (await service.models.listModels({ page: undefined }, call)).models.map(({ version, state }) => [version, state]);
    expect(await states()).toEqual([[2, ModelState.CHAMPION], [1, ModelState.RETIRED]]);

    expect((await service.models.rollbackModel({}, call)).model).toMatchObject({ id: first.id, state: ModelState.CHAMPION });
    expect(await states()).toEqual([[2, ModelState.RETIRED], [1, ModelState.CHAMPION]]);
    expect(await failure(service.models.rollbackModel({}, call))).toMatchObject({ reason: 'NO_FORMER_CHAMPION' });

    expect((await service.models.promoteModel({ id: second.id }, call)).model?.state).toBe(ModelState.CHAMPION);
    expect(await failure(service.models.promoteModel({ id: second.id }, call))).toMatchObject({ reason: 'ALREADY_CHAMPION' });
    expect(await failure(service.models.promoteModel({ id: run.id }, call))).toMatchObject({ status: status.NOT_FOUND });

    // Long before a switch that nobody waits for, not at all before one that is to undo another.
    const secondsOf = ({ id }: { id: string }) => house.serving.catchingUp.filter(({ modelId }) => modelId === id).map(({ seconds }) => seconds);
    expect([secondsOf(first), secondsOf(second)]).toEqual([[0, 20, 0], [0, 300, 20]]);
  });

  it('are held where a champion whose foresight was measured would be replaced by one of which it is not known', async () => {
    const { call } = await house.workspace();
    const { model: first } = await completed(call);
    house.worker.isForesightMeasured = false;
    const { model: second } = await completed(call);
    expect([second.state, second.verdict]).toEqual([ModelState.HELD, expect.stringMatching(/^Held: how well it foresees customers could not be measured/)]);
    expect((await service.models.getModels({ ids: [], champion: true }, call)).models.map(({ id }) => id)).toEqual([first.id]);
    expect((await service.models.promoteModel({ id: second.id }, call)).model?.state).toBe(ModelState.CHAMPION);
  });

  it('have no profile where their files are gone, and none is told of a model that is not there', async () => {
    const { call } = await house.workspace();
    const { model, run } = await completed(call);
    // The fake writes none of the files that a profile is read from.
    const profiles = async (modelIds: string[], whose = call) => (await service.profiles.getDataProfiles({ modelIds }, whose)).models;
    expect(await profiles([model.id, run.id, 'no id'])).toEqual([]);
    const files = {
      'quality.json': { guard: true, notes: ['a note'], properties: [] }, 'features.json': { main_events: ['Order Completed'] },
      'encoder.json': { plan: { encoder: 'decayed_sum', objectives: { next_event: 1 }, horizon_days: [30] } },
    };
    for (const [name, content] of Object.entries(files)) await writeFile(new URL(`${model.uri}/${name}`), JSON.stringify(content));
    const { model: bare } = await completed(call, { seed: 2 });
    expect(await profiles([bare.id, model.id])).toMatchObject([{ modelId: model.id, profile: { isGuarded: true, notes: ['a note'], mainEvents: ['Order Completed'], horizonDays: [30] } }]);
    const { call: stranger } = await house.workspace();
    expect(await profiles([model.id], stranger)).toEqual([]);
    expect(await failure(profiles(Array.from({ length: 51 }, () => model.id)))).toMatchObject({ reason: 'TOO_MANY_IDS' });
  });

  it('keep a unique, growing fence in every workspace', async () => {
    const doubled = await house.rows('select 1 from training.promotions group by workspace_id, fence having count(*) > 1');
    const champions = await house.rows("select workspace_id from training.models where state = 'CHAMPION' group by 1 having count(*) > 1");
    expect([doubled, champions]).toEqual([[], []]);
  });
});
