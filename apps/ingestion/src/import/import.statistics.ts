import type { Logger } from 'pino';

import type { Database } from '#libs/database';

/** Those by which customers are looked up; and the months of events. */
const TABLES = ['subjects', 'customers', 'subject_customers', 'subject_attributes'];
/** Pages of 8 KB: what is smaller is read as quickly by any plan. */
const SMALL_PAGES = 10;
const GROWN = `select c.relname as name, c.relispartition as "isMonth" from pg_class c
  where c.relkind = 'r' and c.relnamespace = 'ingestion'::regnamespace
    and (c.relname = any($1::text[]) or c.oid in (select inhrelid from pg_inherits where inhparent = 'ingestion.events'::regclass))
    and pg_relation_size(c.oid) > 1.1 * greatest(c.relpages, $2::int) * current_setting('block_size')::int
  order by c.relname`;

/** What Postgres plans by. Autovacuum renews it too, within a minute or so, and never that of all events together. */
export class TableStatistics {
  constructor(
    private readonly database: Database,
    private readonly log: Logger,
  ) {}

  /**
   * Measures the tables that have grown by more than a tenth since they were measured, one at a time, for events wait behind what writes.
   * What fails is left to autovacuum.
   */
  async renew(): Promise<void> {
    try {
      const { rows } = await this.database.pool.query<{ name: string; isMonth: boolean }>(GROWN, [TABLES, SMALL_PAGES]);
      const whole = rows.some(({ isMonth }) => isMonth) ? ['events'] : [];
      for (const name of [...rows.map((row) => row.name), ...whole]) await this.database.pool.query('select ingestion.measure_table($1)', [name]);
    } catch (error) {
      this.log.warn({ err: error }, 'tables that an import filled are measured by autovacuum alone');
    }
  }
}
