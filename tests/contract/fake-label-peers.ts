import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type CallContext, createServer, type Server } from 'nice-grpc';

import { customerList, head, ingestion, prediction, serving } from '#libs/contracts';
import { RpcError, status } from '#libs/grpc';

import { Barrier, tellFailures } from './fake-server.js';

/** Ingestion, the worker and serving as training sees them where it learns from labels. */
export class FakeLabelPeers {
  /** Customer of each user; others are unknown. */
  readonly customers = new Map<string, string>();
  /** Lines of the file that an upload stands for. */
  readonly files = new Map<string, customerList.ListRow[]>();
  /** What the worker was asked, with the labels it was given. */
  readonly asked: { request: head.TrainHeadRequest; labels: string[] }[] = [];
  readonly loaded: prediction.LoadPredictionsRequest[] = [];
  readonly dropped: string[] = [];
  /** Whose snapshots. */
  readonly snapshotsRemoved: string[] = [];
  readonly halfway = new Barrier();
  brokenOff = 0;
  failWith: RpcError | undefined;
  address = '';
  private server: Server | undefined;

  async start(): Promise<this> {
    this.server = createServer().use(tellFailures);
    const add = (definition: object, methods: object) => this.server?.add(definition as never, methods as never);
    add(ingestion.SnapshotServiceService, {
      createSnapshot: (request: ingestion.CreateSnapshotRequest) => snapshot(request),
      findMissingNames: async () => ({}),
      removeSnapshot: async ({ requestId }: ingestion.RemoveSnapshotRequest) => {
        this.snapshotsRemoved.push(requestId);
        return {};
      },
    });
    add(customerList.CustomerListServiceService, {
      findCustomerIds: async ({ userIds }: customerList.FindCustomerIdsRequest) => ({
        customers: userIds.flatMap((userId) => (this.customers.has(userId) ? [{ userId, customerId: this.customers.get(userId) }] : [])),
      }),
      readCustomerList: (request: customerList.ReadCustomerListRequest) => this.file(request),
    });
    add(head.LabelWorkerServiceService, { trainHead: (request: head.TrainHeadRequest, context: CallContext) => this.train(request, context) });
    add(prediction.PredictionServiceService, {
      getPredictions: async () => ({ customers: [] }),
      loadPredictions: (request: prediction.LoadPredictionsRequest) => this.load(request),
      dropPredictions: async ({ labelSetId }: prediction.DropPredictionsRequest) => {
        this.dropped.push(labelSetId);
        return {};
      },
    });
    add(serving.ActivationServiceService, {
      prepareShadow: async function* () {
        yield { fraction: 1, completed: true, customers: 100 };
      },
      activate: async () => ({ activatedAt: new Date().toISOString(), moved: 0 }),
      getActiveModel: async () => ({}),
    });
    this.address = `127.0.0.1:${await this.server.listen('127.0.0.1:0')}`;
    return this;
  }

  reset(): void {
    this.asked.length = this.loaded.length = this.brokenOff = 0;
    this.failWith = undefined;
    this.halfway.go();
  }

  kill(): void {
    this.server?.forceShutdown();
  }

  private async *file({ artifact }: customerList.ReadCustomerListRequest): AsyncGenerator<customerList.ReadCustomerListResponse> {
    const rows = this.files.get(artifact);
    if (!rows) throw RpcError.notFound('There is no such file.', { reason: 'FILE_UNKNOWN' });
    yield { rows };
  }

  private async *train(request: head.TrainHeadRequest, { signal }: CallContext): AsyncGenerator<head.TrainHeadResponse> {
    const labels = (await readFile(fileURLToPath(request.labelsUri), 'utf8')).trimEnd().split('\n');
    this.asked.push({ request, labels });
    if (this.failWith) throw this.failWith;
    try {
      yield { event: { $case: 'progress', value: { fraction: 0.5, step: 'judging out of fold', rate: 0, unit: '', remainingSeconds: 2 } } };
      await this.halfway.pass(signal);
    } catch (error) {
      this.brokenOff += 1;
      throw error;
    }
    const folder = fileURLToPath(request.outputUri);
    await mkdir(folder, { recursive: true });
    const files = await Promise.all(['head.json', 'head.live.json', 'predictions.parquet'].map(async (path) => {
      await writeFile(join(folder, path), path);
      return { path, sha256: createHash('sha256').update(path).digest('hex'), bytes: path.length };
    }));
    const judged = { labels: labels.length - 1, verdict: head.HeadVerdict.BEHIND, sentence: 'Hand-made aggregates win.' };
    const found = request.spec?.task === head.HeadTask.REGRESSION ? { numberEvaluation: judged } : { evaluation: judged };
    const value = head.TrainHeadCompleted.fromPartial({ completed: { files, events: 1_000, customers: 100 }, asOf: Date.parse('2011-12-09T12:50:00Z') * 1_000, ...found });
    yield { event: { $case: 'completed', value } };
  }

  private async *load(request: prediction.LoadPredictionsRequest): AsyncGenerator<prediction.LoadPredictionsResponse> {
    // It lies there until serving has it.
    await readFile(fileURLToPath(request.predictionsUri)).catch((cause: unknown) => {
      throw new RpcError(status.DATA_LOSS, 'No artefact.', { reason: 'MISSING', cause });
    });
    this.loaded.push(request);
    yield { fraction: 1, completed: true, customers: 100 };
  }
}

async function* snapshot({ requestId }: ingestion.CreateSnapshotRequest): AsyncGenerator<ingestion.CreateSnapshotResponse> {
  const value = ingestion.Snapshot.fromPartial({ id: requestId, uri: `file:///nowhere/${requestId}`, position: { horizon: 42, sequence: 7 }, events: 1_000, customers: 100 });
  yield { event: { $case: 'snapshot', value } };
}
