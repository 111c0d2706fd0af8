import { Inject, Injectable } from '@nestjs/common';

import { SERVICE, type ServiceContext } from '#libs/service';

import { ModelFiles } from '../step/files.js';
import { Snapshots } from '../step/snapshots.js';
import type { TrainingConfig } from '../training.config.js';
import { RunRepository } from './run.repository.js';

/**
 * The end of a run that makes no model: one that was asked to stop is cancelled as soon as nobody can write to it, and what a cancelled
 * or failed one left behind goes once its worker has stopped.
 */
@Injectable()
export class RunEnd {
  constructor(
    private readonly repository: RunRepository,
    private readonly files: ModelFiles,
    private readonly snapshots: Snapshots,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {}

  /** Cancels the run if that was asked for and its execution has let go of it; nothing else of it changes then. */
  settle(workspaceId: string, id: string): Promise<void> {
    return this.repository.setCancelled(workspaceId, id);
  }

  /**
   * Removes what a run without a model left behind, its snapshot too, once nobody writes there any more; before that, nothing. Rejects where
   * ingestion is away: the run stays open, and is looked after again.
   */
  async clear(workspaceId: string, id: string): Promise<void> {
    if (!(await this.repository.isAtRest(workspaceId, id))) return;
    await this.files.remove(workspaceId, id).catch((error: unknown) => {
      this.service.log.error({ err: error, runId: id }, 'the files of a run that made no model could not be removed');
    });
    await this.snapshots.remove(workspaceId, id);
    await this.repository.close(workspaceId, id);
  }
}
