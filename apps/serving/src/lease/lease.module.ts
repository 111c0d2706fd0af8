import { Module } from '@nestjs/common';

import { LeaseKeeper } from './lease.keeper.js';
import { LeaseRepository } from './lease.repository.js';

@Module({ providers: [LeaseKeeper, LeaseRepository], exports: [LeaseKeeper] })
export class LeaseModule {}
