import { Module } from '@nestjs/common';

import { EXPORT_JOBS, type ExportPayload, JobProcessor, JobQueue, JobReconciler } from '#libs/queue';
import { SERVICE } from '#libs/service';

import type { Context } from '../store.js';
import { HistoryModule } from '../history/history.module.js';
import { WorkspaceModule } from '../workspace/workspace.module.js';
import { ExportController } from './export.controller.js';
import { ExportExecution } from './export.execution.js';
import { ExportForgetting } from './export.forgetting.js';
import { ExportRepository } from './export.repository.js';
import { ExportScheduleProcessor } from './export.schedule.processor.js';
import { ExportScheduleQueue } from './export.schedule.queue.js';
import { ExportScheduleReconciler } from './export.schedule.reconciler.js';
import { ExportScheduleRepository } from './export.schedule.repository.js';
import { ExportScheduleService } from './export.schedule.service.js';
import { ExportService } from './export.service.js';
import { exportWork } from './export.work.js';
import { MemberNames } from './member.names.js';
import { MemberReader } from './member.reader.js';

@Module({
  imports: [HistoryModule, WorkspaceModule],
  controllers: [ExportController],
  providers: [
    ExportService, ExportScheduleService, ExportScheduleQueue, ExportScheduleProcessor, ExportScheduleReconciler, ExportScheduleRepository,
    ExportRepository, ExportExecution, ExportForgetting, MemberReader, MemberNames,
    { provide: JobQueue, inject: [SERVICE], useFactory: ({ config, log }: Context) => new JobQueue(EXPORT_JOBS, config.REDIS_URL, log) },
    {
      provide: JobProcessor,
      inject: [ExportRepository, ExportExecution, SERVICE],
      useFactory: (exports: ExportRepository, execution: ExportExecution, { config, log }: Context) =>
        new JobProcessor(EXPORT_JOBS, exportWork(exports, execution), config.REDIS_URL, log),
    },
    {
      provide: JobReconciler,
      inject: [ExportRepository, JobQueue, SERVICE],
      useFactory: (exports: ExportRepository, queue: JobQueue<ExportPayload>, { log }: Context) =>
        new JobReconciler({ what: 'exports', open: () => exports.open(), enqueue: (payload) => queue.enqueue(payload) }, log),
    },
  ],
  exports: [ExportForgetting],
})
export class ExportModule {}
