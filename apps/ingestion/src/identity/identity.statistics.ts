import type { Database } from '#libs/database';

const FIRST_AFTER = 250;

/**
 * Has the tables of identity measured whenever as many ids came anew as were known before: the planner would take
 * them for what they were, or for empty, until autovacuum comes by, and read them whole for each event.
 */
export class IdentityStatistics {
  private sinceMeasured = 0;
  private measureAfter = FIRST_AFTER;
  private isMeasuring = false;

  constructor(private readonly database: Database) {}

  /** After a commit that made so many new ids; never waits. */
  note(made: number): void {
    this.sinceMeasured += made;
    if (this.isMeasuring || this.sinceMeasured < this.measureAfter) return;
    this.isMeasuring = true;
    const counted = this.sinceMeasured;
    void this.database.pool
      .query('SELECT ingestion.measure_identity()')
      .then(
        () => {
          this.sinceMeasured -= counted;
          this.measureAfter = Math.max(this.measureAfter, counted) * 2;
        },
        // Tried again after the next commit that makes new ids.
        () => undefined,
      )
      .finally(() => (this.isMeasuring = false));
  }
}
