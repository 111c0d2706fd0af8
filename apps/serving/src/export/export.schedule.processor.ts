import { Inject, Injectable } from '@nestjs/common';
import type { Job } from 'bullmq';

import { EXPORT_SCHEDULE_QUEUE, JobWorker, type SchedulePayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { ExportScheduleRepository } from './export.schedule.repository.js';
import { ExportService } from './export.service.js';

/** Starts the exports that have come due. */
@Injectable()
export class ExportScheduleProcessor extends JobWorker<SchedulePayload> {
  constructor(
    private readonly schedules: ExportScheduleRepository,
    private readonly exports: ExportService,
    @Inject(SERVICE) { config, log }: Context,
  ) {
    super(EXPORT_SCHEDULE_QUEUE, config.REDIS_URL, log, { onFailed: (error) => log.warn({ err: error }, 'an export that is due has to wait') });
  }

  protected async process({ data: { workspaceId, scheduleId }, opts, timestamp }: Job<SchedulePayload>): Promise<void> {
    const schedule = await this.schedules.find(workspaceId, scheduleId);
    if (!schedule || schedule.isPaused) return;
    // `prevMillis` is the time it was due, the same for every attempt at it.
    await this.exports.startDue(workspaceId, schedule, new Date(opts.prevMillis ?? timestamp));
  }
}
