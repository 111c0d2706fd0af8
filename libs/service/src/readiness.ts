import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import type { ServiceContext } from './service-context.js';

const CHECK_EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 2_000;

/**
 * Not ready while what a service stands on does not answer; ready again, without a restart, once it does.
 * `ask` resolves when it answered.
 */
export class Readiness implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private isChecking = false;
  isWorking = true;

  constructor(
    private readonly context: ServiceContext<unknown>,
    private readonly what: string,
    private readonly ask: () => Promise<unknown>,
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
    this.context.log[isWorking ? 'info' : 'error']({}, `${this.what} ${isWorking ? 'answers again' : 'does not answer'}`);
  }

  private async answers(): Promise<boolean> {
    let late: NodeJS.Timeout | undefined;
    const deadline = new Promise<boolean>((resolve) => (late = setTimeout(() => resolve(false), ANSWER_WITHIN_MS)));
    const answer = this.ask().then(() => true, () => false);
    return Promise.race([answer, deadline]).finally(() => clearTimeout(late));
  }
}
