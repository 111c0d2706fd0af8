import { Inject, Injectable } from '@nestjs/common';

import { Rounds } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { ExportScheduleQueue } from './export.schedule.queue.js';
import { ExportScheduleRepository } from './export.schedule.repository.js';

const EVERY_MS = 5_000;

/** Has every schedule followed as its row says, whatever a crash or an emptied Redis took. Replicas may all do this at once. */
@Injectable()
export class ExportScheduleReconciler extends Rounds {
  constructor(
    private readonly schedules: ExportScheduleRepository,
    private readonly queue: ExportScheduleQueue,
    @Inject(SERVICE) private readonly context: Context,
  ) {
    super(EVERY_MS);
  }

  protected async round(): Promise<void> {
    try {
      // Followed first: what is made in between is not taken for left over.
      const followed = await this.queue.followed();
      const open = await this.schedules.open();
      const ids = new Set(open.map(({ id }) => id));
      for (const id of followed) if (!ids.has(id)) await this.queue.drop(id);
      for (const { workspaceId, id } of open) {
        const row = await this.schedules.find(workspaceId, id);
        if (row && !row.isPaused) await this.queue.follow({ workspaceId, scheduleId: id }, row);
      }
    } catch (error) {
      this.context.log.debug({ err: error }, 'export schedules have to wait');
    }
  }
}
