import { Injectable } from '@nestjs/common';

import { worker } from '#libs/contracts';
import type { Prisma, Transaction } from '#libs/database';

import { ModelFiles } from './files.js';
import { followWorker, Peers } from './peers.js';
import type { Step, StepContext } from './step.js';

/** The champion when the step first began, which the training goes on from; empty, or absent in runs of an older release: none. */
type Former = { championModelUri?: string };

/** Has the worker learn the encoder, from the champion's weights where it can. Begun again, it resumes from the checkpoints in the run's directory. */
@Injectable()
export class TrainStep implements Step<'TRAINING', Former> {
  readonly state = 'TRAINING';

  constructor(
    private readonly peers: Peers,
    private readonly files: ModelFiles,
  ) {}

  async decide(transaction: Transaction, workspaceId: string): Promise<Former> {
    const champion = await transaction.trainedModel.findFirst({ where: { workspaceId, state: 'CHAMPION' } });
    return { championModelUri: champion?.uri ?? '' };
  }

  async execute({ workspaceId, runId, spec, input, resultOf, signal, report }: StepContext<Former>): Promise<worker.Completed> {
    const outputUri = await this.files.directory(workspaceId, runId);
    const request = { runId, snapshotUri: resultOf('SNAPSHOTTING').uri, outputUri, spec, championModelUri: input.championModelUri ?? '' };
    const completed = await followWorker(this.peers.worker.train(request, await this.peers.as(workspaceId, { signal })), report);
    await this.files.verify(outputUri, completed.files);
    return completed;
  }

  store = (result: worker.Completed) => worker.Completed.toJSON(result) as Prisma.InputJsonObject;
  load = (stored: unknown) => worker.Completed.fromJSON(stored);
}
