import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import type { CursorFormat } from '../page/page.js';
import { DATABASE } from '../store.js';
import { type ChangePlace, cursorInvalid } from './change.cursor.js';

/** Where a watcher of a feed begins: behind its cursor, or at the feed's head. */
@Injectable()
export class FeedBeginning {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Throws INVALID_ARGUMENT (reason CURSOR_INVALID) for another feed's cursor, and for one of a transaction that there has not been: what
   * is behind that would be waited for in silence. The head itself is no measure: what it told may have been erased.
   */
  async of(workspaceId: string, format: CursorFormat<ChangePlace>, after: string, head: () => Promise<ChangePlace>): Promise<ChangePlace> {
    if (after === '') return head();
    const place = format.read(after);
    if (await this.hasBeen(workspaceId, place)) return place;
    throw cursorInvalid('after: this cursor lies beyond all that was ever committed here, as one from before the database was restored does. Leave it out to begin now, and read what you need anew.');
  }

  private hasBeen(workspaceId: string, [xid]: ChangePlace): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ isSo: boolean }>(`select $1::bigint < pg_snapshot_xmax(pg_current_snapshot())::text::bigint as "isSo"`, [xid]);
      return rows[0]?.isSo === true;
    });
  }
}
