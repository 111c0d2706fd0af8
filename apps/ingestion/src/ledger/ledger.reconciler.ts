import type { Logger } from 'pino';

import { Rounds } from '#libs/queue';
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

/** Of the time, that may be spent recounting: where an hour holds more than can be counted aside, rounds become rarer, and intake stays as fast. */
const MOST_OF_THE_TIME = 0.25;

/** Recounts every workspace's ledger, round after round. */
export class LedgerReconciler extends Rounds {
  private notBefore = 0;

  constructor(
    private readonly repository: LedgerRepository,
    private readonly source: LedgerSource,
    everySeconds: number,
    private readonly log: Logger,
  ) {
    super(everySeconds * 1_000);
  }

  /** A workspace whose turn fails has it again in the next. */
  protected async round(): Promise<void> {
    const began = performance.now();
    if (began < this.notBefore) return;
    await this.recountAll();
    this.notBefore = began + (performance.now() - began) / MOST_OF_THE_TIME;
  }

  private async recountAll(): Promise<void> {
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
