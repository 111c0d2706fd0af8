import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import type { MemberOrder } from '../membership/member.order.js';
import { firstOfEach, listsOf, type MemberList, type MembersAsked, pageValues } from '../membership/member.page.js';
import type { MemberRow } from '../membership/membership.repository.js';
import { drawingOf, partsOf } from '../segment/drawing.sql.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';

const COLUMNS = `customer_id as "customerId", strength, since, decided_at as "decidedAt", model_id as "modelId", finer_segment_id as "finerSegmentId"`;
/** Of a membership: at the time $2. A stay that ended at once was never. */
export const THEN = `since <= $2::timestamptz and (until is null or until > $2::timestamptz)`;

/*
 * Who was in each of the segments $1: itself, the segments that it joins where it is a coarser one, or whose last place within their
 * segment it was where it is a finer one.
 */
const membersIn = (order: MemberOrder) => `with asked as materialized (
    select e.id, v.level, case v.level when 'FINER' then '{}' when 'COARSER' then array(${partsOf('v')}) else array[e.id] end as wholes
    from unnest($1::uuid[]) as e(id) left join lateral (${drawingOf('e.id')}) as v on true
  ), members as materialized (
    select a.id as "segmentId", m.* from asked a, unnest(a.wholes) as w(id), lateral (select ${COLUMNS} from serving.memberships where segment_id = w.id and ${THEN}) as m
    union all
    select a.id, m.* from asked a, lateral (select ${COLUMNS} from serving.memberships where a.level = 'FINER' and finer_segment_id = a.id and ${THEN}) as m
  )
  ${firstOfEach('members', order)}`;

const OF_CUSTOMERS = `select ${COLUMNS}, segment_id as "segmentId" from serving.memberships
  where customer_id = any($1::uuid[]) and segment_id is not null and ${THEN} order by level nulls last, strength desc, segment_id`;

/* One look into the index a segment. Up to the next whole millisecond, which is as exact as a time can be asked for. */
const SPAN = `select date_trunc('milliseconds', b.began + interval '999 microseconds') as began, (
    select ${microsSql('newest_event_at')} from serving.active_model join serving.shadow_models using (workspace_id, model_id)) as "newestEventAt"
  from (select min(m.since) as began from serving.segments s
    cross join lateral (select since from serving.memberships where segment_id = s.id order by since limit 1) m) as b`;

/** What the history reaches over. */
export interface Span {
  /** When the first membership began; null where there never was one. */
  readonly began: Date | null;
  readonly newestEventAt: Micros | null;
}

/** Memberships as they were. */
@Injectable()
export class PastRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  span(workspaceId: string): Promise<Span> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<Span>(SPAN)).rows[0] ?? { began: null, newestEventAt: null });
  }

  /** Of each segment, in the order asked, one row more than asked for, and how many there were: one statement for all. */
  members(workspaceId: string, segmentIds: readonly string[], asOf: string, asked: MembersAsked): Promise<Map<string, MemberList<MemberRow>>> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<MemberRow & { askedId: string; total: number }>(membersIn(asked.order), [segmentIds, asOf, ...pageValues(asked)]);
      return listsOf(rows);
    });
  }

  ofCustomers(workspaceId: string, customerIds: readonly string[], asOf: string): Promise<MemberRow[]> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<MemberRow>(OF_CUSTOMERS, [customerIds, asOf])).rows);
  }
}
