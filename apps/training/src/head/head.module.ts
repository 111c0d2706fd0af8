import { Module } from '@nestjs/common';

import { HEAD_JOBS, type HeadPayload, JobProcessor, JobQueue, JobReconciler } from '#libs/queue';
import { SERVICE, type ServiceContext } from '#libs/service';

import { LabelController } from '../label/label.controller.js';
import { LabelRepository } from '../label/label.repository.js';
import { LabelService } from '../label/label.service.js';
import { LabelSource } from '../label/label.source.js';
import { ModelModule } from '../model/model.module.js';
import { ModelRepository } from '../model/model.repository.js';
import { Peers } from '../step/peers.js';
import { Snapshots } from '../step/snapshots.js';
import type { TrainingConfig } from '../training.config.js';
import { HeadController } from './head.controller.js';
import { HeadFiles } from './head.files.js';
import { HeadRepository } from './head.repository.js';
import { HeadService } from './head.service.js';
import { headWork } from './head.work.js';
import { LabelSetRemoval } from './label-set.removal.js';

const HEAD_RECONCILER = Symbol('HEAD_RECONCILER');

/** Labels, and the heads that are learned from them. */
@Module({
  imports: [ModelModule],
  controllers: [LabelController, HeadController],
  providers: [
    LabelRepository,
    LabelSource,
    LabelService,
    HeadRepository,
    HeadFiles,
    Snapshots,
    HeadService,
    LabelSetRemoval,
    { provide: JobQueue, inject: [SERVICE], useFactory: ({ config, log }: ServiceContext<TrainingConfig>) => new JobQueue(HEAD_JOBS, config.REDIS_URL, log) },
    {
      provide: JobProcessor,
      inject: [HeadRepository, LabelRepository, LabelSource, ModelRepository, HeadFiles, Snapshots, Peers, SERVICE],
      useFactory: (
        repository: HeadRepository,
        labels: LabelRepository,
        source: LabelSource,
        models: ModelRepository,
        files: HeadFiles,
        snapshots: Snapshots,
        peers: Peers,
        { config, log }: ServiceContext<TrainingConfig>,
      ) => new JobProcessor(HEAD_JOBS, headWork({ repository, labels, source, models, files, snapshots, peers }, log), config.REDIS_URL, log),
    },
    {
      provide: HEAD_RECONCILER,
      inject: [HeadRepository, JobQueue, SERVICE],
      useFactory: (repository: HeadRepository, queue: JobQueue<HeadPayload>, { log }: ServiceContext<TrainingConfig>) =>
        new JobReconciler({ what: 'heads', open: () => repository.open(), enqueue: (payload) => queue.enqueue(payload) }, log),
    },
  ],
})
export class HeadModule {}
