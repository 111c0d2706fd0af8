import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';

import { type Database, openDatabase } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import type { AccessConfig } from './config.js';

/** Access's own database connection, closed when the service stops. */
@Injectable()
export class AccessDatabase implements OnModuleDestroy {
  private readonly database: Database;

  constructor(@Inject(SERVICE) { config }: ServiceContext<AccessConfig>) {
    this.database = openDatabase({ url: config.DATABASE_URL, service: 'access' });
  }

  /** Sees every workspace: for what cannot know its workspace yet, and for sweeps. */
  get acrossWorkspaces(): Database['prisma'] {
    return this.database.prisma;
  }

  get inWorkspace(): Database['inWorkspace'] {
    return this.database.inWorkspace;
  }

  async onModuleDestroy(): Promise<void> {
    await this.database.close();
  }
}
