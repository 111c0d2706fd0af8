import { Module } from '@nestjs/common';

import { ModelModule } from '../model/model.module.js';
import { BackfillStep } from '../step/backfill.step.js';
import { DiscoverStep } from '../step/discover.step.js';
import { EvaluateStep } from '../step/evaluate.step.js';
import { StepFailures } from '../step/failures.js';
import { ModelFiles } from '../step/files.js';
import { SnapshotStep } from '../step/snapshot.step.js';
import { Snapshots } from '../step/snapshots.js';
import { StepRepository } from '../step/step.repository.js';
import { type Step, STEPS } from '../step/step.js';
import { TrainStep } from '../step/train.step.js';
import { RunEnd } from './run.end.js';
import { RunController } from './run.controller.js';
import { RunProcessor } from './run.processor.js';
import { RunQueue } from './run.queue.js';
import { RunReconciler } from './run.reconciler.js';
import { RunRepository } from './run.repository.js';
import { RunService } from './run.service.js';
import { RunWatch } from './run.watch.js';
import { SpecCheck } from './spec.check.js';

const STEP_CLASSES = [SnapshotStep, TrainStep, DiscoverStep, EvaluateStep, BackfillStep];

@Module({
  imports: [ModelModule],
  controllers: [RunController],
  providers: [
    ...STEP_CLASSES,
    { provide: STEPS, inject: STEP_CLASSES, useFactory: (...steps: Step[]) => steps },
    StepRepository,
    StepFailures,
    ModelFiles,
    Snapshots,
    RunRepository,
    RunQueue,
    RunEnd,
    SpecCheck,
    RunService,
    RunWatch,
    RunProcessor,
    RunReconciler,
  ],
})
export class RunModule {}
