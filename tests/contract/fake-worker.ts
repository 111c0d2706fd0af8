import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { CallContext } from 'nice-grpc';

import { novelty, worker } from '#libs/contracts';
import { RpcError } from '#libs/grpc';

import { Barrier, type FakeServer, listen } from './fake-server.js';

export type WorkerMethod = 'train' | 'discover' | 'evaluate' | 'embed';
const METHODS: readonly WorkerMethod[] = ['train', 'discover', 'evaluate', 'embed'];
const KNOWN = {
  encoder: ['', 'decayed_sum', 'gru', 'gated_linear', 'transformer'],
  objectives: ['horizon', 'next_event', 'transitions', 'masked_event', 'contrastive', 'order', 'vicreg', 'barlow_twins'],
};
const STEPS = 20;
const CHECKPOINT = 'checkpoint.json';
/** What the fake measures of ordinary novelty. */
export const ORDINARY: novelty.OrdinaryNovelty = { customers: { quantiles: [0.9, 0.995], novelty: [0.2, 0.48], measuredOn: 100, usual: 0.995 }, events: undefined };

/** Whom the fake evaluates on. */
export const SAMPLE: worker.PopulationSample = { customers: 60, population: 100, drawn: 'by lot' };

/** What a test wants to know of a call. */
export interface WorkerCall {
  readonly method: WorkerMethod;
  readonly runId: string;
  /** Step that a checkpoint let it begin after; 0 from scratch. */
  readonly resumedFrom: number;
  readonly championCustomersUri: string;
  outcome: 'running' | 'completed' | 'broken off';
}

/**
 * The train role as the contract promises it, without learning: real files below `output_uri`, checkpoints,
 * progress that never falls, metrics, and a stop as soon as the caller has gone.
 */
export class FakeWorker {
  readonly calls: WorkerCall[] = [];
  /** Half-way through each method. */
  readonly halfway: Record<WorkerMethod, Barrier> = { train: new Barrier(), discover: new Barrier(), evaluate: new Barrier(), embed: new Barrier() };
  /** What the next calls of a method fail with. */
  readonly failWith: Partial<Record<WorkerMethod, RpcError>> = {};
  /** Says another hash than that of what it wrote. */
  isCorrupt = false;
  /** Enough customers came, and stayed away, to say how well a model foresees them. */
  isForesightMeasured = true;
  private server: FakeServer | undefined;
  private port = 0;

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts, or starts again on the same port. */
  async start(): Promise<this> {
    const methods = {
      checkSpec: async ({ spec }: worker.CheckSpecRequest) => {
        expectKnown(spec);
        return {};
      },
      getSpecChoices: async () => ({ choices: { encoders: KNOWN.encoder.filter((name) => name !== '').map((name) => ({ name, hasLiveForm: name !== 'transformer' })), objectives: KNOWN.objectives } }),
      train: (request: worker.TrainRequest, context: CallContext) => this.train(request, context),
      discover: (request: worker.DiscoverRequest, context: CallContext) => this.discover(request, context),
      evaluate: (request: worker.EvaluateRequest, context: CallContext) => this.evaluate(request, context),
      embed: (request: worker.EmbedRequest, context: CallContext) => this.embed(request, context),
    };
    this.server = await listen(worker.TrainWorkerServiceService, methods, this.port);
    this.port = Number(this.server.address.split(':')[1]);
    return this;
  }

  kill(): void {
    this.server?.kill();
  }

  callsOf(method: WorkerMethod): WorkerCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  reset(): void {
    this.calls.length = 0;
    this.isCorrupt = false;
    this.isForesightMeasured = true;
    for (const method of METHODS) {
      delete this.failWith[method];
      this.halfway[method].go();
    }
  }

  private async *train({ runId, outputUri, spec }: worker.TrainRequest, { signal }: CallContext): AsyncGenerator<worker.TrainResponse> {
    const folder = fileURLToPath(outputUri);
    await mkdir(folder, { recursive: true });
    const resumedFrom = await readFile(join(folder, CHECKPOINT), 'utf8').then(
      (text) => (JSON.parse(text) as { step: number }).step,
      () => 0,
    );
    const call = this.begin('train', runId, { resumedFrom });
    expectKnown(spec);
    try {
      for (let step = resumedFrom + 1; step <= STEPS; step++) {
        signal.throwIfAborted();
        yield { event: { $case: 'progress', value: progress(step / STEPS, `epoch ${step} of ${STEPS}`) } };
        yield { event: { $case: 'metric', value: { name: 'loss', step, value: 1 - step / 32 } } };
        const file = await this.write(folder, CHECKPOINT, JSON.stringify({ step }));
        yield { event: { $case: 'checkpoint', value: { step, file } } };
        if (step === STEPS / 2) await this.halfway.train.pass(signal);
      }
      const seed = String(spec?.seed ?? 0);
      const files = [await this.write(folder, 'encoder.safetensors', `weights ${seed}`), await this.write(folder, 'bundle.json', `{"seed":${seed}}`)];
      yield { event: { $case: 'completed', value: { files, events: 1_000, customers: 100 } } };
      call.outcome = 'completed';
    } finally {
      if (call.outcome === 'running') call.outcome = 'broken off';
    }
  }

  private async *discover(request: worker.DiscoverRequest, { signal }: CallContext): AsyncGenerator<worker.DiscoverResponse> {
    const { runId, outputUri, championCustomersUri } = request;
    for await (const value of this.work('discover', runId, signal, championCustomersUri)) yield { event: { $case: 'progress', value } };
    const folder = fileURLToPath(outputUri);
    const files = [await this.write(folder, 'segments.json', '{}'), await this.write(folder, 'bundle.json', '{"segments":2}')];
    const segments = ['Weekend browsers', 'Steady buyers'].map((name, index) => segment(name, index));
    yield { event: { $case: 'completed', value: { completed: { files, events: 1_000, customers: 100 }, segments, retiredChampionIndexes: [], ordinaryNovelty: ORDINARY } } };
  }

  private async *evaluate({ runId, outputUri }: worker.EvaluateRequest, { signal }: CallContext): AsyncGenerator<worker.EvaluateResponse> {
    for await (const value of this.work('evaluate', runId, signal)) yield { event: { $case: 'progress', value } };
    const files = [await this.write(fileURLToPath(outputUri), 'evaluation.json', '{}')];
    const foresight = this.isForesightMeasured ? [measure('auc', 'embedding', 0.81), measure('auc', 'rfm', 0.79, true)] : [];
    const measures = [...foresight, measure('ari', 'segments', 0.94)];
    yield { event: { $case: 'completed', value: { completed: { files, events: 1_000, customers: 100 }, measures, sample: SAMPLE } } };
  }

  private async *embed({ runId, outputUri }: worker.EmbedRequest, { signal }: CallContext): AsyncGenerator<worker.EmbedResponse> {
    for await (const value of this.work('embed', runId, signal)) yield { event: { $case: 'progress', value } };
    const files = [await this.write(fileURLToPath(outputUri), 'customers.parquet', `everyone of ${runId}`)];
    yield { event: { $case: 'completed', value: { files, events: 1_000, customers: 100 } } };
  }

  private async *work(method: WorkerMethod, runId: string, signal: AbortSignal, championCustomersUri = ''): AsyncGenerator<worker.Progress> {
    const call = this.begin(method, runId, { championCustomersUri });
    try {
      yield progress(0.5, `half of ${method}`);
      await this.halfway[method].pass(signal);
      yield progress(1, `all of ${method}`);
      call.outcome = 'completed';
    } finally {
      if (call.outcome === 'running') call.outcome = 'broken off';
    }
  }

  private begin(method: WorkerMethod, runId: string, more: { resumedFrom?: number; championCustomersUri?: string }): WorkerCall {
    const call: WorkerCall = { method, runId, resumedFrom: 0, championCustomersUri: '', outcome: 'running', ...more };
    this.calls.push(call);
    const failure = this.failWith[method];
    if (failure) throw failure;
    return call;
  }

  private async write(folder: string, path: string, content: string): Promise<worker.ArtifactFile> {
    await stat(folder);
    await writeFile(join(folder, path), content);
    const sha256 = createHash('sha256').update(this.isCorrupt ? 'something else' : content).digest('hex');
    return { path, sha256, bytes: Buffer.byteLength(content) };
  }
}

const progress = (fraction: number, step: string): worker.Progress => ({ fraction, step, rate: 1_000, unit: 'events', remainingSeconds: 1 });

const measure = (name: string, subject: string, value: number, baseline = false): worker.Measure => ({ name, subject, value, deviation: 0.01, baseline });

function segment(name: string, index: number): worker.DiscoveredSegment {
  return { index, name, description: name, size: 50, share: 0.5, stability: 0.9, traits: [], typicalCustomerIds: [], overlaps: [], level: worker.SegmentLevel.MAIN, rule: undefined };
}

function expectKnown(spec: worker.TrainingSpec | undefined): void {
  const asked = { encoder: [spec?.encoder ?? ''], objectives: (spec?.objectives ?? []).map(({ name }) => name) };
  for (const field of ['encoder', 'objectives'] as const) {
    const unknown = asked[field].find((name) => !KNOWN[field].includes(name));
    if (unknown !== undefined) throw RpcError.invalid(`${field}: '${unknown}' is unknown; there are ${KNOWN[field].join(', ')}`, { reason: 'INVALID_INPUT', metadata: { field } });
  }
}
