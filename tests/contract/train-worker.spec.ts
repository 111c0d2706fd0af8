import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { worker } from '#libs/contracts';
import { connect, RpcError, type RpcClient, status } from '#libs/grpc';

import { FakeWorker } from './fake-worker.js';
import { hasPython, startWorker, writeShopSnapshot } from './real-worker.js';

const RUN_ID = '01900000-0000-7000-8000-000000000001';

/** A worker in its train role, whoever plays it, and a snapshot that it can learn from. */
interface Stage {
  readonly address: string;
  readonly snapshotUri: string;
  close(): Promise<void>;
}

async function fakeStage(): Promise<Stage> {
  const fake = await new FakeWorker().start();
  return { address: fake.address, snapshotUri: 'file:///not/read/by/the/fake', close: async () => fake.kill() };
}

async function realStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'kindred-snapshot-'));
  const snapshotUri = await writeShopSnapshot(folder);
  const { address, stop } = await startWorker('train');
  const close = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { address, snapshotUri, close };
}

const stages: [string, () => Promise<Stage>][] = [['the fake worker', fakeStage]];
// Without a Python environment there is no real one to ask; `npm test` always has one.
if (hasPython) stages.push(['the real worker', realStage]);

describe.each(stages)('%s', (_, open) => {
  let stage: Stage;
  let client: RpcClient<typeof worker.TrainWorkerServiceService>;
  let folder: string;
  beforeAll(async () => {
    stage = await open();
    client = connect(worker.TrainWorkerServiceService, stage.address);
    folder = await mkdtemp(join(tmpdir(), 'kindred-model-'));
  }, 120_000);
  afterAll(async () => {
    client?.close();
    await stage?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const spec = (change: Partial<worker.TrainingSpec> = {}): worker.TrainingSpec => ({ ...worker.TrainingSpec.fromPartial({}), epochs: 2, seed: 7, ...change });
  const place = async (name: string) => {
    await mkdir(join(folder, name), { recursive: true });
    return pathToFileURL(join(folder, name)).href;
  };
  const trainRequest = (outputUri: string, change?: Partial<worker.TrainingSpec>) => ({ runId: RUN_ID, snapshotUri: stage.snapshotUri, outputUri, spec: spec(change), championModelUri: '' });

  /** All that a job told, and what it completed with; progress rose and the files are there as told. */
  async function done<Result extends object>(
    stream: AsyncIterable<{ event: { $case: string; value: unknown } | undefined }>,
    outputUri: string,
    files: (result: Result) => readonly worker.ArtifactFile[],
  ): Promise<Result> {
    const fractions: number[] = [];
    let result: Result | undefined;
    for await (const { event } of stream) {
      expect(result).toBeUndefined();
      if (event?.$case === 'progress') fractions.push((event.value as worker.Progress).fraction);
      if (event?.$case === 'completed') result = event.value as Result;
    }
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true);
    if (!result) throw new Error('the job did not complete');
    for (const { path, sha256, bytes } of files(result)) {
      const content = await readFile(new URL(path, `${outputUri}/`));
      expect([path, createHash('sha256').update(content).digest('hex'), content.length]).toEqual([path, sha256, bytes]);
    }
    return result;
  }

  const train = (outputUri: string, change?: Partial<worker.TrainingSpec>) =>
    done<worker.Completed>(client.train(trainRequest(outputUri, change)), outputUri, ({ files }) => files);
  const hashes = ({ files }: worker.Completed) => Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]));

  it('makes a model from a snapshot, step by step, in one directory', async () => {
    const uri = await place('whole');
    const { snapshotUri } = stage;
    const trained = await train(uri);
    expect(trained.events).toBeGreaterThan(0);
    expect(trained.files.map(({ path }) => path)).toContain('encoder.safetensors');

    const shared = { runId: RUN_ID, snapshotUri, modelUri: uri, outputUri: uri };
    const discovered = await done<worker.DiscoverCompleted>(
      client.discover({ ...shared, spec: spec(), championCustomersUri: '' }),
      uri,
      ({ completed }) => completed?.files ?? [],
    );
    expect(discovered.segments.length).toBeGreaterThan(1);
    expect(discovered.segments.map(({ index }) => index)).toEqual(discovered.segments.map((__, index) => index));
    expect(new Set(discovered.segments.map(({ name }) => name)).size).toBe(discovered.segments.length);
    expect(discovered.completed?.files.map(({ path }) => path)).toContain('bundle.json');

    const evaluated = await done<worker.EvaluateCompleted>(client.evaluate({ ...shared, spec: spec() }), uri, ({ completed }) => completed?.files ?? []);
    expect(evaluated.measures.length).toBeGreaterThan(0);

    const embedded = await done<worker.Completed>(client.embed({ ...shared, readAt: 0 }), uri, ({ files }) => files);
    expect(embedded.files.map(({ path }) => path)).toContain('customers.parquet');
    expect(embedded.customers).toBe(trained.customers);
  }, 180_000);

  it('stops when the caller goes, resumes when asked again, and ends in the same files', async () => {
    const uri = await place('broken off');
    const abort = new AbortController();
    const long = { epochs: 8 };
    const brokenOff = (async () => {
      for await (const { event } of client.train(trainRequest(uri, long), { signal: abort.signal })) if (event?.$case === 'metric') abort.abort();
    })();
    await expect(brokenOff).rejects.toThrow(/abort/i);
    const resumed = await train(uri, long);
    const again = await train(await place('at once'), long);
    expect(hashes(resumed)).toEqual(hashes(again));
  }, 180_000);

  it.each([
    ['encoder', { encoder: 'no_such_encoder' }, /encoder: 'no_such_encoder' is unknown; there are .*gru/],
    ['objectives', { objectives: [{ name: 'tarot', weight: 1 }] }, /objectives: 'tarot' is unknown; there are .*next_event/],
  ])('says of a spec alone, without data, what is wrong with its %s', async (field, change, said) => {
    const patient = { deadline: 60_000 }; // a worker that has just started reads its libraries first
    await expect(client.checkSpec({ spec: spec() }, patient)).resolves.toEqual({});
    const failure: unknown = await client.checkSpec({ spec: spec(change) }, patient).catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: status.INVALID_ARGUMENT, metadata: { field } });
    expect((failure as RpcError).message).toMatch(said);
  }, 90_000);

  it('tells the encoders and pretext tasks that a spec can name, and which encoders have no live form', async () => {
    const { choices } = await client.getSpecChoices({}, { deadline: 60_000 });
    expect(choices?.encoders).toEqual(expect.arrayContaining([{ name: 'gru', hasLiveForm: true }, { name: 'transformer', hasLiveForm: false }]));
    expect(choices?.objectives).toEqual(expect.arrayContaining(['horizon', 'next_event']));
  }, 90_000);

  it('says what to change when the spec cannot be used', async () => {
    const stream = client.train(trainRequest(await place('refused'), { encoder: 'no_such_encoder' }));
    const failure = await (async () => {
      for await (const told of stream) void told;
    })().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RpcError);
    expect(failure).toMatchObject({ status: status.INVALID_ARGUMENT });
    expect((failure as RpcError).message).toContain('no_such_encoder');
  });
});
