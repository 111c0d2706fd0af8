import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import type { Database } from '#libs/database';
import { SERVICE, type ServiceContext } from '#libs/service';

import { DATABASE } from './store.module.js';

const CHECK_EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 2_000;

/** Not ready while Postgres does not answer; ready again, without a restart, once it does. */
@Injectable()
export class Readiness implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private isChecking = false;
  isWorking = true;

  constructor(
    @Inject(SERVICE) private readonly context: ServiceContext<unknown>,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.check(), CHECK_EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async check(): Promise<void> {
    if (this.isChecking) return;
    this.isChecking = true;
    const isWorking = await this.answers();
    this.isChecking = false;
    if (isWorking === this.isWorking) return;
    this.isWorking = isWorking;
    this.context.health.setStatus('', isWorking ? 'SERVING' : 'NOT_SERVING');
    this.context.log[isWorking ? 'info' : 'error']({}, isWorking ? 'Postgres answers again' : 'Postgres does not answer');
  }

  private async answers(): Promise<boolean> {
    let late: NodeJS.Timeout | undefined;
    const deadline = new Promise<boolean>((resolve) => (late = setTimeout(() => resolve(false), ANSWER_WITHIN_MS)));
    const query = this.database.pool.query('SELECT 1').then(() => true, () => false);
    return Promise.race([query, deadline]).finally(() => clearTimeout(late));
  }
}
