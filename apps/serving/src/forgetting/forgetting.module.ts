import { Module } from '@nestjs/common';

import { ChangeModule } from '../change/change.module.js';
import { ExportModule } from '../export/export.module.js';
import { ForgettingController } from './forgetting.controller.js';
import { ForgettingRepository } from './forgetting.repository.js';

@Module({ imports: [ChangeModule, ExportModule], controllers: [ForgettingController], providers: [ForgettingRepository] })
export class ForgettingModule {}
