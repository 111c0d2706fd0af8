import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { type ChangePlace, FIRST_PLACE } from '../change/change.cursor.js';
import type { ChangeRow } from '../change/change.repository.js';
import { DATABASE } from '../store.js';
import { type NamedEvent, UnusualEventRepository } from '../unusual/unusual.event.repository.js';
import type { UnusualChangeRow } from '../unusual/unusual.repository.js';

/** What webhooks may tell of: a move between segments, or somebody who became unusual or usual again. */
export type ToldChange = (ChangeRow & { readonly kind: 'MOVE' }) | (UnusualChangeRow & { readonly kind: 'NOVELTY' });

/* One statement reads both tables, so that neither runs ahead of the other: a cursor that passes a change of one has passed all of the other before it. */
const HEAD = `select xid::float8 as xid, sequence::float8 as sequence from (
    (select xid, sequence from serving.membership_changes c order by c.workspace_id desc, c.xid desc, c.sequence desc limit 1)
    union all (select xid, sequence from serving.unusual_changes c order by c.workspace_id desc, c.xid desc, c.sequence desc limit 1)
  ) as newest order by newest.xid desc, newest.sequence desc limit 1`;
const BEHIND = '(c.xid, c.sequence) > ($1::bigint, $2::bigint) order by c.xid, c.sequence limit $3';
const AFTER = `select kind, xid::float8 as xid, sequence::float8 as sequence, customer_id as "customerId", from_segment_id as "fromSegmentId", to_segment_id as "toSegmentId",
    strength, by_promotion as "byPromotion", is_unusual as "isUnusual", novelty, threshold, cause, at, decided_at as "decidedAt", model_id as "modelId"
  from (
    (select 'MOVE' as kind, xid, sequence, customer_id, from_segment_id, to_segment_id, strength, by_promotion,
       null::boolean as is_unusual, null::float8 as novelty, null::float8 as threshold, null as cause, at, decided_at, model_id
     from serving.membership_changes c where ${BEHIND})
    union all
    (select 'NOVELTY', xid, sequence, customer_id, null, null, null, null, is_unusual, novelty, threshold, cause, at, decided_at, model_id
     from serving.unusual_changes c where ${BEHIND})
  ) as told order by told.xid, told.sequence limit $3`;

/** Membership changes and who is unusual as one feed, in the order in which they were committed; and the feed of events beside it. */
@Injectable()
export class WebhookFeed {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly events: UnusualEventRepository,
  ) {}

  /** The place of the newest change; what is committed later lies after it. */
  head(workspaceId: string): Promise<ChangePlace> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ xid: number; sequence: number }>(HEAD);
      return rows[0] ? ([rows[0].xid, rows[0].sequence] as const) : FIRST_PLACE;
    });
  }

  /** The same of events. */
  async eventHead(workspaceId: string): Promise<ChangePlace> {
    const { horizon, sequence } = await this.events.head(workspaceId);
    return [horizon, sequence];
  }

  eventsAfter(workspaceId: string, [horizon, sequence]: ChangePlace, limit: number): Promise<NamedEvent[]> {
    return this.events.after(workspaceId, { horizon, sequence }, limit);
  }

  /** Oldest first. */
  after(workspaceId: string, place: ChangePlace, limit: number): Promise<ToldChange[]> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<ToldChange>(AFTER, [...place, limit])).rows);
  }
}
