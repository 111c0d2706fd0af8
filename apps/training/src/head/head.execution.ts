import { head, type ingestion, type prediction, worker } from '#libs/contracts';
import type { Prisma } from '#libs/database';
import { RpcError, status } from '#libs/grpc';
import type { Attempt } from '#libs/queue';

import type { LabelRepository } from '../label/label.repository.js';
import { type LabelSource, USERS_AT_ONCE } from '../label/label.source.js';
import type { ModelRepository } from '../model/model.repository.js';
import { PeerFailure } from '../step/failure.js';
import { fileNamed, fileUri } from '../step/files.js';
import { followWorker, hear, type Peers } from '../step/peers.js';
import type { Snapshots } from '../step/snapshots.js';
import type { HeadFiles } from './head.files.js';
import { evaluationJson } from './head.mapper.js';
import { HeadReport } from './head.report.js';
import type { HeadRepository, HeadRow } from './head.repository.js';

/** What heads are made with. */
export interface HeadRooms {
  readonly repository: HeadRepository;
  readonly labels: LabelRepository;
  readonly source: LabelSource;
  readonly models: ModelRepository;
  readonly files: HeadFiles;
  readonly snapshots: Snapshots;
  readonly peers: Peers;
}

const PREDICTIONS = 'predictions.parquet';
/** Of a head on the encoder as it is. */
const LIVE = 'head.live.json';
/** Loading what is said of a million customers. */
const LOADED_WITHIN_MS = 600_000;
/** How much of the work is done when each part begins. */
const BEGINS = { snapshot: 0, worker: 0.15, load: 0.85 } as const;

/** One attempt at a head, from its labels to what customers show. Every part may be done again. */
export class HeadExecution {
  private readonly report: HeadReport;
  private readonly spec: head.HeadSpec;

  constructor(
    private readonly rooms: HeadRooms,
    private readonly attempt: Attempt,
    private readonly row: HeadRow,
    private readonly signal: AbortSignal,
  ) {
    this.report = new HeadReport(rooms.repository, attempt);
    this.spec = head.HeadSpec.fromJSON(row.spec);
  }

  async run(): Promise<void> {
    const { files, repository } = this.rooms;
    const { workspaceId, id } = this.attempt;
    const directory = await files.directory(workspaceId, id);
    const snapshot = await this.snapshot();
    const labelsUri = await files.write(workspaceId, id, labelsName(this.attempt.fence), this.labelLines());
    const learned = await this.learn(snapshot.uri, labelsUri, directory);
    const made = learned.completed?.files ?? [];
    await files.verify(directory, made);
    const predictions = fileNamed(made, PREDICTIONS);
    const asOf = new Date(learned.asOf / 1_000);
    const live = made.find(({ path }) => path === LIVE);
    await this.load({
      task: this.spec.task,
      predictionsUri: fileUri(directory, PREDICTIONS),
      predictionsSha256: predictions.sha256,
      asOf: asOf.toISOString(),
      liveUri: live ? fileUri(directory, LIVE) : '',
      liveSha256: live?.sha256 ?? '',
    });
    // What names customers does not stay behind in files: serving has it, and forgets whom it is told to.
    await files.removeFiles([...attempts(this.attempt.fence).map((attempt) => fileUri(directory, labelsName(attempt))), fileUri(directory, PREDICTIONS)]);
    await repository.succeed(this.attempt, {
      evaluation: evaluationJson(learned),
      files: made.filter((file) => file !== predictions).map((file) => worker.ArtifactFile.toJSON(file) as Prisma.InputJsonObject),
      asOf,
    });
  }

  /** What is stored by now. The head's id makes it the same snapshot, however often it is asked for. */
  private async snapshot(): Promise<ingestion.Snapshot> {
    const call = await this.rooms.peers.as(this.attempt.workspaceId, { signal: this.signal });
    for await (const { event } of hear('ingestion', this.rooms.peers.snapshots.createSnapshot({ requestId: this.attempt.id, position: undefined }, call))) {
      if (event?.$case === 'snapshot') return event.value;
      if (event?.$case === 'progress') {
        const { eventsWritten, eventsTotal, remainingSeconds } = event.value;
        const done = eventsTotal > 0 ? eventsWritten / eventsTotal : 0;
        this.report.tell({ progress: BEGINS.snapshot + done * (BEGINS.worker - BEGINS.snapshot), step: 'exporting events', remainingSeconds });
      }
    }
    throw new PeerFailure('ingestion', new RpcError(status.INTERNAL, 'the stream ended without a snapshot', { reason: 'INCOMPLETE' }));
  }

  /** As the worker reads them: of customers as they are now. Of two users who are one customer the later label as of a time counts. */
  private async *labelLines(): AsyncGenerator<string> {
    const { labels, source } = this.rooms;
    const { workspaceId } = this.attempt;
    const latest = new Map<string, { line: string; addedAt: Date }>();
    for await (const batch of labels.labels(workspaceId, this.row.labelSetId, USERS_AT_ONCE)) {
      const customers = await source.customersOf(workspaceId, [...new Set(batch.map(({ userId }) => userId))], this.signal);
      for (const { userId, value, asOf, addedAt } of batch) {
        const customer = customers.get(userId);
        if (customer === undefined) continue;
        const time = asOf?.toISOString() ?? '';
        const place = `${customer} ${time}`;
        const before = latest.get(place);
        if (!before || before.addedAt <= addedAt) latest.set(place, { line: `${customer},${value},${time}\n`, addedAt });
      }
    }
    yield 'customer,value,as_of\n';
    // In an order of their own, for a head's random choices follow the lines.
    for (const place of [...latest.keys()].toSorted()) yield latest.get(place)?.line ?? '';
  }

  private async learn(snapshotUri: string, labelsUri: string, outputUri: string): Promise<head.TrainHeadCompleted> {
    const { models, peers } = this.rooms;
    const { workspaceId, id } = this.attempt;
    const [model] = await models.get(workspaceId, [this.row.modelId], false);
    const request = { headId: id, snapshotUri, modelUri: model?.uri ?? '', labelsUri, outputUri, spec: this.spec };
    const share = BEGINS.load - BEGINS.worker;
    return followWorker(peers.heads.trainHead(request, await peers.as(workspaceId, { signal: this.signal })), {
      progress: ({ fraction, step, remainingSeconds }) => this.report.tell({ progress: BEGINS.worker + fraction * share, step, remainingSeconds }),
      metric: () => undefined,
    });
  }

  private async load(said: Omit<prediction.LoadPredictionsRequest, 'labelSetId' | 'headId'>): Promise<void> {
    const { peers } = this.rooms;
    const { labelSetId, id: headId } = this.row;
    const request = { labelSetId, headId, ...said };
    const call = await peers.as(this.attempt.workspaceId, { signal: this.signal, deadline: LOADED_WITHIN_MS });
    for await (const { fraction, completed } of hear('serving', peers.predictions.loadPredictions(request, call))) {
      this.report.tell({ progress: BEGINS.load + fraction * (1 - BEGINS.load), step: 'writing what it says of everyone', remainingSeconds: 0 });
      if (completed) return;
    }
    throw new PeerFailure('serving', new RpcError(status.INTERNAL, 'the stream ended before the predictions were complete', { reason: 'INCOMPLETE' }));
  }
}

/** A file is written once: each attempt has its own, and one that died left it behind. */
const labelsName = (attempt: number): string => `labels-${attempt}.csv`;
const attempts = (latest: number): number[] => Array.from({ length: latest }, (_, index) => index + 1);
