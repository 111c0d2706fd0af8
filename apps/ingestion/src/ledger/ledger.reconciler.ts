import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from 'pino';
import { exhaustMap, type Subscription, timer } from 'rxjs';

import { Gauge, metrics } from '#libs/telemetry';

import type { LedgerRepository } from './ledger.repository.js';

const difference = new Gauge({
  name: 'kindred_intake_ledger_difference_events',
  help: 'Events by which the ledger and the stored data differ, of any time of arrival; anything but 0 is an alarm',
  labelNames: ['workspace'],
  registers: [metrics],
});
const reconciledAt = new Gauge({
  name: 'kindred_intake_ledger_reconciled_timestamp_seconds',
  help: 'When the ledger was last recounted; an alarm where it is long ago',
  labelNames: ['workspace'],
  registers: [metrics],
});

export interface LedgerSource {
  /** Every workspace's id. */
  workspaces(): Promise<readonly string[]>;
}

/** Recounts every workspace's ledger, round after round. */
export class LedgerReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private rounds: Subscription | undefined;
  private round: Promise<void> = Promise.resolve();
  private isEnding = false;

  constructor(
    private readonly repository: LedgerRepository,
    private readonly source: LedgerSource,
    private readonly everySeconds: number,
    private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.rounds = timer(0, this.everySeconds * 1_000)
      .pipe(exhaustMap(() => (this.round = this.reconcileAll())))
      .subscribe();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    this.rounds?.unsubscribe();
    await this.round;
  }

  /** One round; a workspace whose turn fails has it again in the next. */
  private async reconcileAll(): Promise<void> {
    const workspaces = await this.source.workspaces().catch((error: unknown) => {
      this.log.debug({ err: error }, 'the workspaces are not known; the ledger has to wait');
      return [];
    });
    for (const workspaceId of workspaces) {
      if (this.isEnding) return;
      await this.reconcile(workspaceId).catch((error: unknown) => this.log.warn({ err: error, workspaceId }, 'the ledger could not be recounted'));
    }
  }

  private async reconcile(workspaceId: string): Promise<void> {
    const isOurs = await this.repository.reconcile(workspaceId);
    // Each replica tells what was found, whoever counted.
    const found = Number((await this.repository.check(workspaceId)).difference);
    difference.set({ workspace: workspaceId }, found);
    if (isOurs) reconciledAt.setToCurrentTime({ workspace: workspaceId });
    if (isOurs && found > 0) this.log.error({ workspaceId, difference: found }, 'the ledger and the stored data differ (docs/runbook.md)');
  }
}
