import { Inject, Injectable } from '@nestjs/common';

import { SERVICE, type ServiceContext } from '#libs/service';

import { ModelFiles } from '../step/files.js';
import type { TrainingConfig } from '../training.config.js';
import { RunRepository } from './run.repository.js';

/** The end of a run that was asked to stop: it is cancelled as soon as nobody can write to it, and what it left behind goes once its worker has stopped. */
@Injectable()
export class RunCancel {
  constructor(
    private readonly repository: RunRepository,
    private readonly files: ModelFiles,
    @Inject(SERVICE) private readonly service: ServiceContext<TrainingConfig>,
  ) {}

  /** Ends the run if its execution has let go of it; nothing else of it changes then. */
  settle(workspaceId: string, id: string): Promise<void> {
    return this.repository.setCancelled(workspaceId, id);
  }

  /** Removes what a cancelled run left behind, once nobody writes there any more; before that, nothing. */
  async clear(workspaceId: string, id: string): Promise<void> {
    if (!(await this.repository.isAtRest(workspaceId, id))) return;
    await this.files.remove(workspaceId, id).catch((error: unknown) => {
      this.service.log.error({ err: error, runId: id }, 'the files of a cancelled run could not be removed');
    });
    await this.repository.close(workspaceId, id);
  }
}
