import { Inject, Injectable } from '@nestjs/common';

import { EXPORT_SCHEDULE_QUEUE, JobSender, START_EXPORT_JOB, type SchedulePayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import type { Timetable } from './export.schedule.time.js';

/** BullMQ's job schedulers, one for each schedule that is not paused. They may be lost at any moment: the reconciler makes them again. */
@Injectable()
export class ExportScheduleQueue extends JobSender<SchedulePayload> {
  constructor(@Inject(SERVICE) { config, log }: Context) {
    super(EXPORT_SCHEDULE_QUEUE, config.REDIS_URL, log);
  }

  /** Leaves a scheduler alone that is as it should be: to set it again would pass over a time that has just come. */
  async follow(payload: SchedulePayload, { cron, timeZone }: Timetable): Promise<void> {
    const known = await this.queue.getJobScheduler(payload.scheduleId);
    if (known?.pattern === cron && known.tz === timeZone) return;
    const opts = { attempts: 12, backoff: { type: 'exponential', delay: 1_000 }, removeOnComplete: true, removeOnFail: true };
    await this.queue.upsertJobScheduler(payload.scheduleId, { pattern: cron, tz: timeZone }, { name: START_EXPORT_JOB, data: payload, opts });
  }

  async drop(scheduleId: string): Promise<void> {
    await this.queue.removeJobScheduler(scheduleId);
  }

  /** Ids of schedules that are followed. */
  async followed(): Promise<string[]> {
    return (await this.queue.getJobSchedulers()).map(({ key }) => key);
  }
}
