import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Job, Worker } from 'bullmq';

import { EXPORT_SCHEDULE_QUEUE, openRedis, QUEUE_PREFIX, ROW_JOB_LOCK, type SchedulePayload } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { ExportScheduleRepository } from './export.schedule.repository.js';
import { ExportService } from './export.service.js';

/** Starts the exports that have come due. */
@Injectable()
export class ExportScheduleProcessor implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly redis;
  private readonly worker: Worker<SchedulePayload>;

  constructor(
    private readonly schedules: ExportScheduleRepository,
    private readonly exports: ExportService,
    @Inject(SERVICE) { config, log }: Context,
  ) {
    this.redis = openRedis(config.REDIS_URL, 'worker');
    this.worker = new Worker<SchedulePayload>(EXPORT_SCHEDULE_QUEUE, (job) => this.process(job), {
      ...ROW_JOB_LOCK, connection: this.redis, prefix: QUEUE_PREFIX, autorun: false,
    });
    this.worker.on('error', (error) => log.debug({ err: error }, 'the queue of export schedules is away'));
    this.worker.on('failed', (_job, error) => log.warn({ err: error }, 'an export that is due has to wait'));
  }

  onApplicationBootstrap(): void {
    void this.worker.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.close();
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }

  private async process({ data: { workspaceId, scheduleId }, opts, timestamp }: Job<SchedulePayload>): Promise<void> {
    const schedule = await this.schedules.find(workspaceId, scheduleId);
    if (!schedule || schedule.isPaused) return;
    // `prevMillis` is the time it was due, the same for every attempt at it.
    await this.exports.startDue(workspaceId, schedule, new Date(opts.prevMillis ?? timestamp));
  }
}
