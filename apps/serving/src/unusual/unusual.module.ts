import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { ForesightModule } from '../foresight/foresight.module.js';
import { UnusualController } from './unusual.controller.js';
import { UnusualEventController } from './unusual.event.controller.js';
import { UnusualEventJudge } from './unusual.event.judge.js';
import { UnusualEventRepository } from './unusual.event.repository.js';
import { UnusualEventService } from './unusual.event.service.js';
import { UnusualRepository } from './unusual.repository.js';
import { UnusualService } from './unusual.service.js';

@Module({
  imports: [ChangeModule, ForesightModule],
  controllers: [UnusualController, UnusualEventController],
  providers: [UnusualService, UnusualRepository, UnusualEventService, UnusualEventJudge, UnusualEventRepository],
  exports: [UnusualEventJudge, UnusualEventRepository],
})
export class UnusualModule {}
