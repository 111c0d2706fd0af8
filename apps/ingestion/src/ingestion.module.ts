import { Module } from '@nestjs/common';

import { CustomerModule } from './customer/customer.module.js';
import { EventModule } from './event/event.module.js';
import { ImportModule } from './import/import.module.js';
import { IntakeModule } from './intake/intake.module.js';
import { Readiness } from './readiness.js';
import { QuarantineModule } from './quarantine/quarantine.module.js';
import { SnapshotModule } from './snapshot/snapshot.module.js';
import { StoreModule } from './store.module.js';
import { TrackingPlanModule } from './tracking-plan/tracking-plan.module.js';
import { WorkspaceModule } from './workspace/workspace.module.js';

@Module({
  imports: [StoreModule, WorkspaceModule, EventModule, TrackingPlanModule, CustomerModule, IntakeModule, ImportModule, QuarantineModule, SnapshotModule],
  providers: [Readiness],
})
export class IngestionModule {}
