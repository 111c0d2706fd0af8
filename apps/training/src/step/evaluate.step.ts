import { Injectable } from '@nestjs/common';

import { worker } from '#libs/contracts';
import type { Prisma } from '#libs/database';

import { ModelFiles } from './files.js';
import { followWorker, Peers } from './peers.js';
import type { Step, StepContext } from './step.js';

type NoInput = Record<string, never>;

/** Has the worker measure encoder and segments out of time, beside their rivals. */
@Injectable()
export class EvaluateStep implements Step<'EVALUATING', NoInput> {
  readonly state = 'EVALUATING';

  constructor(
    private readonly peers: Peers,
    private readonly files: ModelFiles,
  ) {}

  decide = async (): Promise<NoInput> => ({});

  async execute({ workspaceId, runId, spec, resultOf, signal, report }: StepContext<NoInput>): Promise<worker.EvaluateCompleted> {
    const modelUri = await this.files.directory(workspaceId, runId);
    const request = { runId, snapshotUri: resultOf('SNAPSHOTTING').uri, modelUri, outputUri: modelUri, spec };
    const evaluated = await followWorker(this.peers.worker.evaluate(request, await this.peers.as(workspaceId, { signal })), report);
    await this.files.verify(modelUri, evaluated.completed?.files ?? []);
    return evaluated;
  }

  store = (result: worker.EvaluateCompleted) => worker.EvaluateCompleted.toJSON(result) as Prisma.InputJsonObject;
  load = (stored: unknown) => worker.EvaluateCompleted.fromJSON(stored);
}
