import { Module } from '@nestjs/common';

import { CustomerDirectory } from './customer.directory.js';
import { WorkspaceDirectory } from './workspace.directory.js';

@Module({ providers: [CustomerDirectory, WorkspaceDirectory], exports: [CustomerDirectory, WorkspaceDirectory] })
export class WorkspaceModule {}
