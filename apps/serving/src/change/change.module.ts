import { Module } from '@nestjs/common';

import { ChangeRepository } from './change.repository.js';
import { ChangeService } from './change.service.js';
import { ChangeSignal } from './change.signal.js';
import { FeedBeginning } from './feed.beginning.js';

const PARTS = [ChangeRepository, ChangeService, ChangeSignal, FeedBeginning];

@Module({ providers: PARTS, exports: PARTS })
export class ChangeModule {}
