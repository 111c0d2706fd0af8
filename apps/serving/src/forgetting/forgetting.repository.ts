import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { NIL } from '../page/uuid.js';
import { lockMemberships } from '../scoring/write.lock.js';
import { DATABASE } from '../store.js';

/** Of each table that holds customers, what of some is removed; $1 their ids. Sizes follow the memberships. */
const REMOVALS = {
  'serving.customer_states': `delete from serving.customer_states where customer_id = any($1::uuid[])`,
  'serving.memberships': `with gone as (
      delete from serving.memberships where customer_id = any($1::uuid[]) returning segment_id, finer_segment_id, until
    ), sizes as (
      update serving.segment_sizes s set members = s.members - g.members
      from (select id as segment_id, count(*) as members from gone, unnest(array[coalesce(segment_id, '${NIL}'), finer_segment_id]) as id
        where until is null and id is not null group by 1) g
      where s.segment_id = g.segment_id
    )
    select from gone`,
  'serving.segment_deadlines': `delete from serving.segment_deadlines where customer_id = any($1::uuid[])`,
  // Drawn again without them: whoever stands for all is in each.
  'serving.segment_regions': `update serving.segment_regions
    set examples = array(select id from unnest(examples) as id where id <> all($1::uuid[])), points = '', crowd = '', model_id = null`,
  'serving.membership_changes': `delete from serving.membership_changes where customer_id = any($1::uuid[])`,
  'serving.unusual_customers': `delete from serving.unusual_customers where customer_id = any($1::uuid[])`,
  'serving.unusual_changes': `delete from serving.unusual_changes where customer_id = any($1::uuid[])`,
  'serving.webhook_deliveries': `delete from serving.webhook_deliveries where customer_id = any($1::uuid[])`,
  'serving.predictions': `delete from serving.predictions where customer_id = any($1::uuid[])`,
  'serving.segment_versions': `update serving.segment_versions
    set typical_customer_ids = array(select id from unnest(typical_customer_ids) as id where id <> all($1::uuid[]))
    where typical_customer_ids && $1::uuid[]`,
} as const;

@Injectable()
export class ForgettingRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Removes all that is kept of customers, and voids what is being scored of them; answers rows by table. */
  async forget(workspaceId: string, customerIds: readonly string[]): Promise<Record<keyof typeof REMOVALS, number>> {
    return this.database.onConnection(workspaceId, async (client) => {
      await lockMemberships(client, workspaceId);
      await client.query(`update serving.shadow_models set erasures = erasures + 1`);
      const rows: Record<string, number> = {};
      for (const [table, sql] of Object.entries(REMOVALS)) rows[table] = (await client.query(sql, [customerIds])).rowCount ?? 0;
      return rows as Record<keyof typeof REMOVALS, number>;
    });
  }
}
