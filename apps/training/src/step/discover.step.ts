import { Injectable } from '@nestjs/common';

import { worker } from '#libs/contracts';
import type { Prisma, Transaction } from '#libs/database';

import { ModelFiles } from './files.js';
import { followWorker, Peers } from './peers.js';
import type { Discovery, Step, StepContext } from './step.js';

/** The champion that segments are matched with, as it was when the step first began; empty: there was none. */
type Champion = { championModelId: string; championCustomersUri: string };

/** Has the worker find the segments and match them with the champion's. */
@Injectable()
export class DiscoverStep implements Step<'DISCOVERING', Champion> {
  readonly state = 'DISCOVERING';

  constructor(
    private readonly peers: Peers,
    private readonly files: ModelFiles,
  ) {}

  async decide(transaction: Transaction, workspaceId: string): Promise<Champion> {
    const champion = await transaction.trainedModel.findFirst({ where: { workspaceId, state: 'CHAMPION' } });
    return { championModelId: champion?.id ?? '', championCustomersUri: champion?.customersUri ?? '' };
  }

  async execute(context: StepContext<Champion>): Promise<Discovery> {
    const { workspaceId, runId, spec, input, resultOf, signal, report } = context;
    const modelUri = await this.files.directory(workspaceId, runId);
    const { championCustomersUri } = input;
    const request = { runId, snapshotUri: resultOf('SNAPSHOTTING').uri, modelUri, outputUri: modelUri, spec, championCustomersUri };
    const discovered = await followWorker(this.peers.worker.discover(request, await this.peers.as(workspaceId, { signal })), report);
    await this.files.verify(modelUri, discovered.completed?.files ?? []);
    return { discovered, championModelId: input.championModelId };
  }

  store = ({ discovered, championModelId }: Discovery) =>
    ({ championModelId, discovered: worker.DiscoverCompleted.toJSON(discovered) }) as Prisma.InputJsonObject;

  load(stored: unknown): Discovery {
    const { championModelId, discovered } = stored as { championModelId: string; discovered: unknown };
    return { championModelId, discovered: worker.DiscoverCompleted.fromJSON(discovered) };
  }
}
