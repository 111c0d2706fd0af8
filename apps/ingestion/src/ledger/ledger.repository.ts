import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import { isoMicros } from '../page.js';
import { CHECKED, NEWEST_HOURS, OLDEST_CHECK, RECOUNT, WRONG_HOURS } from './ledger.sql.js';

export interface LedgerCheck {
  /** When the part of the range that was not recounted for longest was; null where none was yet. */
  readonly reconciled_at: string | null;
  /** Events by which the data and the ledger differ. */
  readonly difference: string;
}

interface Range {
  readonly from: string;
  readonly to: string;
}

/** Recounts the ledger from the data. */
export class LedgerRepository {
  constructor(private readonly database: Database) {}

  /**
   * Recounts what is new, what was found wrong, and a day of what was not looked at for longest: so every hour's turn
   * comes. One replica at a time does it in a workspace; false: another one is at it.
   */
  async reconcile(workspaceId: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (lock) => {
      const { rows } = await lock.query<{ ours: boolean }>(`SELECT pg_try_advisory_xact_lock(hashtextextended('ledger:' || $1::text, 0)) AS ours`, [workspaceId]);
      if (!rows[0]?.ours) return false;
      const newest = await this.recount(workspaceId, NEWEST_HOURS);
      await this.recount(workspaceId, WRONG_HOURS);
      await this.recount(workspaceId, OLDEST_CHECK, newest[0]?.from);
      return true;
    });
  }

  async check(workspaceId: string, from?: string, to?: string): Promise<LedgerCheck> {
    return this.database.onConnection(workspaceId, (client) => checkIn(client, workspaceId, from, to));
  }

  /** Ranges that a statement names. Each in a transaction of its own: one that has written holds back whoever follows the events, so it counts first. */
  private async recount(workspaceId: string, which: string, ...parameters: unknown[]): Promise<Range[]> {
    const { rows } = await this.database.onConnection(workspaceId, (client) => client.query<Range>(which, [workspaceId, ...parameters]));
    for (const { from, to } of rows) await this.database.onConnection(workspaceId, (client) => client.query({ ...RECOUNT, values: [workspaceId, from, to] }));
    return rows;
  }
}

/** What was last found for a range of arrival. */
export async function checkIn(client: PoolClient, workspaceId: string, from?: string, to?: string): Promise<LedgerCheck> {
  const { rows } = await client.query<LedgerCheck>(CHECKED(isoMicros('min(reconciled_at)')), [workspaceId, from ?? null, to ?? null]);
  return rows[0] ?? { reconciled_at: null, difference: '0' };
}
