import { Module } from '@nestjs/common';

import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { IngestionConfig } from '../ingestion.config.js';
import { DATABASE } from '../store.module.js';
import { WorkspaceSettings } from '../workspace/workspace.settings.js';
import { LedgerReconciler } from './ledger.reconciler.js';
import { LedgerRepository } from './ledger.repository.js';

@Module({
  providers: [
    { provide: LedgerRepository, inject: [DATABASE], useFactory: (database: Database) => new LedgerRepository(database) },
    {
      provide: LedgerReconciler,
      inject: [LedgerRepository, WorkspaceSettings, SERVICE],
      useFactory: (repository: LedgerRepository, workspaces: WorkspaceSettings, { config, log }: ServiceContext<IngestionConfig>) =>
        new LedgerReconciler(repository, workspaces, config.LEDGER_RECONCILE_SECONDS, log),
    },
  ],
})
export class LedgerModule {}
