import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';

import { PrincipalSigner } from '#libs/auth';
import { customerList, head, ingestion, prediction, serving, worker } from '#libs/contracts';
import { type Call, connect, RpcError, status } from '#libs/grpc';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { TrainingConfig } from '../training.config.js';
import { type Peer, PeerFailure } from './failure.js';
import type { StepReport } from './step.js';

/** Whom training talks to. */
@Injectable()
export class Peers implements OnApplicationShutdown {
  readonly snapshots;
  readonly worker;
  readonly activation;
  readonly customers;
  readonly heads;
  readonly predictions;

  constructor(
    @Inject(SERVICE) { config }: ServiceContext<TrainingConfig>,
    private readonly signer: PrincipalSigner,
  ) {
    this.snapshots = connect(ingestion.SnapshotServiceService, config.INGESTION_ADDRESS);
    this.worker = connect(worker.TrainWorkerServiceService, config.WORKER_TRAIN_ADDRESS);
    this.activation = connect(serving.ActivationServiceService, config.SERVING_ADDRESS);
    this.customers = connect(customerList.CustomerListServiceService, config.INGESTION_ADDRESS);
    this.heads = connect(head.LabelWorkerServiceService, config.WORKER_TRAIN_ADDRESS);
    this.predictions = connect(prediction.PredictionServiceService, config.SERVING_ADDRESS);
  }

  /** Training's own principal in a workspace, and what ends the call. */
  async as(workspaceId: string, call: Omit<Call, 'principal'> = {}): Promise<Call> {
    return { ...call, principal: await this.signer.service('training', workspaceId) };
  }

  onApplicationShutdown(): void {
    for (const client of [this.snapshots, this.worker, this.activation, this.customers, this.heads, this.predictions]) client.close();
  }
}

/** A stream whose failure says whose it was. */
export async function* hear<T>(peer: Peer, stream: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* stream;
  } catch (error) {
    throw error instanceof RpcError ? new PeerFailure(peer, error) : error;
  }
}

/** One thing that a stream tells; `Result` is what the job completes with. */
interface Told<Result> {
  event:
    | { $case: 'progress'; value: worker.Progress }
    | { $case: 'metric'; value: worker.Metric }
    | { $case: 'checkpoint'; value: worker.Checkpoint }
    | { $case: 'completed'; value: Result }
    | undefined;
}

/** Follows a job of the worker to its end: reports what it tells and returns what it completed with. */
export async function followWorker<Result>(stream: AsyncIterable<Told<Result>>, report: StepReport): Promise<Result> {
  let completed: Result | undefined;
  for await (const { event } of hear('worker', stream)) {
    if (event?.$case === 'progress') report.progress(event.value);
    else if (event?.$case === 'metric') report.metric(event.value);
    else if (event?.$case === 'completed') completed = event.value;
  }
  if (completed !== undefined) return completed;
  throw new PeerFailure('worker', new RpcError(status.INTERNAL, 'the stream ended before the job was complete', { reason: 'INCOMPLETE' }));
}
