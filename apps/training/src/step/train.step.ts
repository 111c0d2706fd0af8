import { Injectable } from '@nestjs/common';

import { worker } from '#libs/contracts';
import type { Prisma } from '#libs/database';

import { ModelFiles } from './files.js';
import { followWorker, Peers } from './peers.js';
import type { Step, StepContext } from './step.js';

type NoInput = Record<string, never>;

/** Has the worker learn the encoder. Begun again, it resumes from the checkpoints in the run's directory. */
@Injectable()
export class TrainStep implements Step<'TRAINING', NoInput> {
  readonly state = 'TRAINING';

  constructor(
    private readonly peers: Peers,
    private readonly files: ModelFiles,
  ) {}

  decide = async (): Promise<NoInput> => ({});

  async execute({ workspaceId, runId, spec, resultOf, signal, report }: StepContext<NoInput>): Promise<worker.Completed> {
    const outputUri = await this.files.directory(workspaceId, runId);
    const request = { runId, snapshotUri: resultOf('SNAPSHOTTING').uri, outputUri, spec };
    const completed = await followWorker(this.peers.worker.train(request, await this.peers.as(workspaceId, { signal })), report);
    await this.files.verify(outputUri, completed.files);
    return completed;
  }

  store = (result: worker.Completed) => worker.Completed.toJSON(result) as Prisma.InputJsonObject;
  load = (stored: unknown) => worker.Completed.fromJSON(stored);
}
