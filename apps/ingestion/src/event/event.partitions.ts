import type { Database } from '#libs/database';

import type { IntakeEvent } from './event.js';

/**
 * Partitions that events need, made before the transaction that writes them, so that their creation is
 * committed on its own. Known months are remembered for as long as the process lives: nothing drops one
 * while its service runs without that service's doing.
 */
export class EventPartitions {
  private readonly known = new Set<string>();

  constructor(private readonly database: Database) {}

  async ensure(events: readonly IntakeEvent[]): Promise<void> {
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
