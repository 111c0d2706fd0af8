import { Module } from '@nestjs/common';

import { WorkspaceModule } from '../workspace/workspace.module.js';
import { HistoryController } from './history.controller.js';
import { HistoryService } from './history.service.js';
import { PastRepository } from './past.repository.js';

@Module({ imports: [WorkspaceModule], controllers: [HistoryController], providers: [HistoryService, PastRepository] })
export class HistoryModule {}
