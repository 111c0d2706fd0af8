import { Module } from '@nestjs/common';

import { ChangeRepository } from './change.repository.js';
import { ChangeService } from './change.service.js';
import { ChangeSignal } from './change.signal.js';

@Module({ providers: [ChangeRepository, ChangeService, ChangeSignal], exports: [ChangeRepository, ChangeService, ChangeSignal] })
export class ChangeModule {}
