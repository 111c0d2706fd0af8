import { Module } from '@nestjs/common';

import { CustomerModule } from './customer/customer.module.js';
import { EventModule } from './event/event.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { ImportModule } from './import/import.module.js';
import { IntakeModule } from './intake/intake.module.js';
import { PersonModule } from './person/person.module.js';
import { Readiness } from './readiness.js';
import { SnapshotModule } from './snapshot/snapshot.module.js';
import { StoreModule } from './store.module.js';
import { WorkspaceModule } from './workspace/workspace.module.js';

@Module({
  imports: [StoreModule, WorkspaceModule, EventModule, CustomerModule, IdentityModule, IntakeModule, ImportModule, PersonModule, SnapshotModule],
  providers: [Readiness],
})
export class IngestionModule {}
