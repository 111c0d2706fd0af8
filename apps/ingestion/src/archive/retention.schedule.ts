import type { Logger } from 'pino';

import { Rounds } from '#libs/queue';

import { POLICY } from './archive.execution.js';
import type { ArchiveRepository } from './archive.repository.js';
import type { RetentionRepository } from './retention.repository.js';
import type { RetentionService } from './retention.service.js';

const FIRST_AFTER_MS = 60_000;
const EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Asks for what policies say, each hour; a request that is under way already is enough. */
export class RetentionSchedule extends Rounds {
  constructor(
    private readonly policies: RetentionRepository,
    private readonly archives: ArchiveRepository,
    private readonly retention: RetentionService,
    private readonly settleMs: number,
    private readonly log: Logger,
  ) {
    super(EVERY_MS, FIRST_AFTER_MS);
  }

  protected round(): Promise<void> {
    return this.apply(new Date()).catch((error: unknown) => this.log.warn({ err: error }, 'retention has to wait'));
  }

  /** One round over all workspaces, as policies stand at a time. */
  async apply(now: Date): Promise<void> {
    for (const { workspaceId, policy } of await this.policies.all()) {
      const daysAgo = (days: number | null) => (days === null ? null : new Date(now.getTime() - days * DAY_MS).toISOString());
      const [archiveBefore, dropBefore] = [daysAgo(policy.archiveAfterDays), daysAgo(policy.dropAfterDays)];
      if (archiveBefore === null) continue;
      const due = await this.archives.due(workspaceId, archiveBefore, new Date(Date.now() - this.settleMs), { isPolicy: true });
      const ending = dropBefore === null ? [] : await this.archives.toDrop(workspaceId, dropBefore);
      if (due.length + ending.length > 0) await this.retention.start(workspaceId, POLICY, archiveBefore, dropBefore);
    }
  }
}
