import { Module } from '@nestjs/common';

import type { Database } from '#libs/database';
import { Readiness, SERVICE, type ServiceContext } from '#libs/service';

import { ArchiveModule } from './archive/archive.module.js';
import { CustomerModule } from './customer/customer.module.js';
import { CustomerListModule } from './customer-list/customer-list.module.js';
import { EventModule } from './event/event.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { ImportModule } from './import/import.module.js';
import { IntakeModule } from './intake/intake.module.js';
import { LedgerModule } from './ledger/ledger.module.js';
import { PersonModule } from './person/person.module.js';
import { QuarantineModule } from './quarantine/quarantine.module.js';
import { SnapshotModule } from './snapshot/snapshot.module.js';
import { DATABASE, StoreModule } from './store.module.js';
import { TrackingPlanModule } from './tracking-plan/tracking-plan.module.js';
import { UploadModule } from './upload/upload.module.js';
import { WorkspaceModule } from './workspace/workspace.module.js';

@Module({
  imports: [
    StoreModule, WorkspaceModule, EventModule, TrackingPlanModule, CustomerModule, IdentityModule, IntakeModule, LedgerModule, ImportModule, QuarantineModule, PersonModule, SnapshotModule,
    ArchiveModule, CustomerListModule, UploadModule,
  ],
  providers: [
    {
      provide: Readiness,
      inject: [SERVICE, DATABASE],
      useFactory: (context: ServiceContext<unknown>, database: Database) => new Readiness(context, 'Postgres', () => database.pool.query('SELECT 1')),
    },
  ],
})
export class IngestionModule {}
