import { Inject, Injectable } from '@nestjs/common';
import pMap from 'p-map';

import { Rounds, RUN_STEPS } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { ModelService } from '../model/model.service.js';
import type { TrainingConfig } from '../training.config.js';
import { RunEnd } from './run.end.js';
import { RunQueue } from './run.queue.js';
import { type OpenWork, RunRepository } from './run.repository.js';
import { isTerminal } from './run.states.js';

const EVERY_MS = 1_000;
const AT_ONCE = 4;

/**
 * Finds what a crash or an emptied Redis left behind and has it go on: runs without a live job get a new token
 * and a new flow of the steps that are left, cancelled and failed ones are ended and cleared, models are judged and promoted.
 * Replicas may all do this at once: each change is conditional on what was seen.
 */
@Injectable()
export class RunReconciler extends Rounds {
  private resolveFirst: () => void = () => undefined;
  /** Resolves when the tables could be read for the first time: before the migrations that never happens. */
  readonly firstRound = new Promise<void>((resolve) => (this.resolveFirst = resolve));
  /** False while what is to be done cannot be read. */
  isWorking = false;

  constructor(
    private readonly repository: RunRepository,
    private readonly queue: RunQueue,
    private readonly end: RunEnd,
    private readonly models: ModelService,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {
    super(EVERY_MS);
  }

  protected async round(): Promise<void> {
    try {
      const open = await this.repository.openWork();
      this.isWorking = true;
      this.resolveFirst();
      await pMap(open, (work) => this.lookAfter(work), { concurrency: AT_ONCE });
    } catch (error) {
      this.isWorking = false;
      this.service.log.warn({ err: error }, 'open work could not be listed');
    }
  }

  private async lookAfter(work: OpenWork): Promise<void> {
    try {
      if (work.kind === 'MODEL') await this.models.settle(work.workspaceId, work.id);
      else await this.lookAfterRun(work.workspaceId, work.id);
    } catch (error) {
      this.service.log.debug({ err: error, ...work }, 'open work has to wait');
    }
  }

  private async lookAfterRun(workspaceId: string, id: string): Promise<void> {
    await this.end.settle(workspaceId, id);
    await this.end.clear(workspaceId, id);
    const run = await this.repository.unattended(workspaceId, id);
    if (!run || run.state === 'CANCELLING' || isTerminal(run.state) || (await this.queue.isLive(id, run.fence))) return;
    const fence = await this.repository.refence(workspaceId, id, run.fence);
    if (fence === undefined) return;
    const left = RUN_STEPS.slice(Math.max(RUN_STEPS.findIndex((step) => step === run.state), 0));
    await this.queue.enqueue(workspaceId, id, fence, left);
    this.service.log.info({ runId: id, fence, left }, 'a run without a job goes on');
  }
}
