import { Injectable } from '@nestjs/common';
import { v7 as uuid } from 'uuid';

import { novelty, worker } from '#libs/contracts';
import type { Prisma, Transaction } from '#libs/database';

import { ModelActivation } from '../model/model.activation.js';
import { isOnMainLevel } from '../model/model.gate.js';
import { type NewModel, ModelRepository } from '../model/model.repository.js';
import { transition } from '../run/run.states.js';
import { fileNamed, fileUri, ModelFiles } from './files.js';
import { followWorker, Peers } from './peers.js';
import type { Conclusion, ResultOf, Step, StepContext } from './step.js';

const CUSTOMERS = 'customers.parquet';
const BUNDLE = 'bundle.json';
/** Of this step's time; serving's load of the shadow takes the rest. */
const EMBEDDING_SHARE = 0.7;

type Chosen = { modelId: string };

/** Has the worker read everyone, and serving load that beside what is served: then there is a model. */
@Injectable()
export class BackfillStep implements Step<'BACKFILLING', Chosen> {
  readonly state = 'BACKFILLING';

  constructor(
    private readonly peers: Peers,
    private readonly files: ModelFiles,
    private readonly models: ModelRepository,
    private readonly activation: ModelActivation,
  ) {}

  decide = async (): Promise<Chosen> => ({ modelId: uuid() });

  async execute(context: StepContext<Chosen>): Promise<worker.Completed> {
    const { workspaceId, runId, input, resultOf, signal, report } = context;
    const modelUri = await this.files.directory(workspaceId, runId);
    const request = { runId, snapshotUri: resultOf('SNAPSHOTTING').uri, modelUri, outputUri: modelUri, readAt: 0 };
    const completed = await followWorker(this.peers.worker.embed(request, await this.peers.as(workspaceId, { signal })), {
      progress: (progress) => report.progress({ ...progress, fraction: progress.fraction * EMBEDDING_SHARE }),
      metric: (metric) => report.metric(metric),
    });
    await this.files.verify(modelUri, completed.files);
    const model = modelOf(input.modelId, runId, modelUri, completed, resultOf);
    await this.activation.prepareShadow(workspaceId, model, {
      signal,
      progress: (fraction) => report.progress(loading(fraction)),
    });
    return completed;
  }

  store = (result: worker.Completed) => worker.Completed.toJSON(result) as Prisma.InputJsonObject;
  load = (stored: unknown) => worker.Completed.fromJSON(stored);

  async conclude(transaction: Transaction, { run, input, result, resultOf }: Conclusion<'BACKFILLING', Chosen>): Promise<Prisma.RunUpdateInput> {
    const { workspaceId, id } = run;
    const modelUri = await this.files.directory(workspaceId, id);
    await this.models.create(transaction, workspaceId, modelOf(input.modelId, id, modelUri, result, resultOf));
    await transaction.openWork.deleteMany({ where: { workspaceId, kind: 'RUN', id } });
    return {
      state: transition(run.state, 'SUCCEEDED'),
      modelId: input.modelId,
      progress: 1,
      step: '',
      rate: 0,
      rateUnit: '',
      remainingSeconds: 0,
      finishedAt: new Date(Math.max(Date.now(), run.startedAt?.getTime() ?? 0)),
    };
  }
}

const loading = (fraction: number): worker.Progress => ({
  fraction: EMBEDDING_SHARE + (1 - EMBEDDING_SHARE) * fraction,
  step: 'loading everyone beside the served model',
  rate: 0,
  unit: 'customers',
  remainingSeconds: 0,
});

function modelOf(id: string, runId: string, uri: string, embedded: worker.Completed, resultOf: ResultOf): NewModel {
  const { position } = resultOf('SNAPSHOTTING');
  const { discovered, championModelId } = resultOf('DISCOVERING');
  const evaluated = resultOf('EVALUATING');
  const steps = [resultOf('TRAINING'), discovered.completed, evaluated.completed, embedded];
  const files = steps.flatMap((step) => step?.files ?? []);
  const customers = fileNamed(files, CUSTOMERS);
  return {
    id,
    runId,
    uri,
    hash: fileNamed(files, BUNDLE).sha256,
    customersUri: fileUri(uri, CUSTOMERS),
    customersSha256: customers.sha256,
    files: files.map((file) => worker.ArtifactFile.toJSON(file) as Prisma.InputJsonObject),
    positionHorizon: BigInt(position?.horizon ?? 0),
    positionSequence: BigInt(position?.sequence ?? 0),
    events: BigInt(embedded.events),
    customers: BigInt(embedded.customers),
    segmentCount: discovered.segments.filter(isOnMainLevel).length,
    segments: discovered.segments.map((segment) => worker.DiscoveredSegment.toJSON(segment) as Prisma.InputJsonObject),
    retiredChampionIndexes: discovered.retiredChampionIndexes,
    championModelId: championModelId === '' ? null : championModelId,
    measures: evaluated.measures.map((measure) => worker.Measure.toJSON(measure) as Prisma.InputJsonObject),
    ...(evaluated.sample ? { evaluationSample: worker.PopulationSample.toJSON(evaluated.sample) as Prisma.InputJsonObject } : {}),
    ...(discovered.ordinaryNovelty ? { ordinaryNovelty: novelty.OrdinaryNovelty.toJSON(discovered.ordinaryNovelty) as Prisma.InputJsonObject } : {}),
  };
}
