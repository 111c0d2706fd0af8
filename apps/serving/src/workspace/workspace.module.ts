import { Module } from '@nestjs/common';

import { WorkspaceDirectory } from './workspace.directory.js';

@Module({ providers: [WorkspaceDirectory], exports: [WorkspaceDirectory] })
export class WorkspaceModule {}
