import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';

import { EXPORT_SCHEDULE_QUEUE, openRedis, QUEUE_PREFIX, START_EXPORT_JOB, type SchedulePayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import type { Timetable } from './export.schedule.time.js';

/** BullMQ's job schedulers, one for each schedule that is not paused. They may be lost at any moment: the reconciler makes them again. */
@Injectable()
export class ExportScheduleQueue implements OnApplicationShutdown {
  private readonly redis;
  private readonly queue: Queue<SchedulePayload>;

  constructor(@Inject(SERVICE) { config, log }: Context) {
    this.redis = openRedis(config.REDIS_URL, 'producer');
    this.queue = new Queue<SchedulePayload>(EXPORT_SCHEDULE_QUEUE, { connection: this.redis, prefix: QUEUE_PREFIX });
    this.queue.on('error', (error) => log.debug({ err: error }, 'the queue of export schedules is away'));
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

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.redis.disconnect();
  }
}
