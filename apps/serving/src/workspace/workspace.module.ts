import { Module } from '@nestjs/common';

import { CustomerDirectory } from './customer.directory.js';
import { HintSignal } from './hint.signal.js';
import { WorkspaceDirectory } from './workspace.directory.js';

@Module({ providers: [CustomerDirectory, HintSignal, WorkspaceDirectory], exports: [CustomerDirectory, HintSignal, WorkspaceDirectory] })
export class WorkspaceModule {}
