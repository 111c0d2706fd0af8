import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { UnusualController } from './unusual.controller.js';
import { UnusualRepository } from './unusual.repository.js';
import { UnusualService } from './unusual.service.js';

@Module({ imports: [ChangeModule], controllers: [UnusualController], providers: [UnusualService, UnusualRepository] })
export class UnusualModule {}
