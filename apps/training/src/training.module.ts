import { Module } from '@nestjs/common';

import { HeadModule } from './head/head.module.js';
import { ModelModule } from './model/model.module.js';
import { RunModule } from './run/run.module.js';
import { StoreModule } from './store.module.js';

@Module({ imports: [StoreModule, ModelModule, RunModule, HeadModule] })
export class TrainingModule {}
