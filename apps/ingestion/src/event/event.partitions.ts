import type { Database } from '#libs/database';

import type { IntakeEvent } from './event.js';

/**
 * Partitions that events need, made before the transaction that writes them, so that their creation is
 * committed on its own. Known months are remembered; one that was archived and dropped meanwhile, also by another
 * replica, is missed by the insert, and made again.
 */
export class EventPartitions {
  private readonly known = new Set<string>();

  constructor(private readonly database: Database) {}

  /** Runs `write` with the partitions that its events need. */
  async having<T>(events: readonly IntakeEvent[], write: () => Promise<T>): Promise<T> {
    await this.ensure(events);
    try {
      return await write();
    } catch (error) {
      if (!isPartitionMissing(error)) throw error;
      this.known.clear();
      await this.ensure(events);
      return write();
    }
  }

  private async ensure(events: readonly IntakeEvent[]): Promise<void> {
    const missing = new Set<string>();
    for (const { occurredAt } of events) {
      const month = occurredAt.slice(0, 7);
      if (!this.known.has(month)) missing.add(month);
    }
    for (const month of [...missing].sort()) {
      await this.database.pool.query('SELECT ingestion.ensure_event_partition($1)', [`${month}-01T00:00:00Z`]);
      this.known.add(month);
    }
  }
}

/** Postgres tells a row without a partition as a violated check of the parent, without a constraint's name. */
function isPartitionMissing(error: unknown): boolean {
  const { code, constraint, table } = error as { code?: string; constraint?: string; table?: string };
  return code === '23514' && constraint === undefined && table === 'events';
}
