import { Module } from '@nestjs/common';

import { CustomerModule } from './customer/customer.module.js';
import { EventModule } from './event/event.module.js';
import { IntakeModule } from './intake/intake.module.js';
import { Readiness } from './readiness.js';
import { StoreModule } from './store.module.js';

@Module({ imports: [StoreModule, EventModule, CustomerModule, IntakeModule], providers: [Readiness] })
export class IngestionModule {}
