import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { exhaustMap, type Subscription, timer } from 'rxjs';

import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { ExportScheduleQueue } from './export.schedule.queue.js';
import { ExportScheduleRepository } from './export.schedule.repository.js';

const EVERY_MS = 5_000;

/** Has every schedule followed as its row says, whatever a crash or an emptied Redis took. Replicas may all do this at once. */
@Injectable()
export class ExportScheduleReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private rounds: Subscription | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(
    private readonly schedules: ExportScheduleRepository,
    private readonly queue: ExportScheduleQueue,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  onApplicationBootstrap(): void {
    this.rounds = timer(0, EVERY_MS)
      .pipe(exhaustMap(() => (this.round = this.reconcile())))
      .subscribe();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.rounds?.unsubscribe();
    await this.round;
  }

  private async reconcile(): Promise<void> {
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
