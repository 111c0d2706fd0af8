import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import type { MemberRow } from '../membership/membership.repository.js';
import type { PageAsked } from '../page/page.js';
import { drawingOf, partsOf } from '../segment/drawing.sql.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';

const COLUMNS = `customer_id as "customerId", strength, since, decided_at as "decidedAt", model_id as "modelId", finer_segment_id as "finerSegmentId"`;
/** At the time $1. A stay that ended at once was never. */
const THEN = `since <= $1::timestamptz and (until is null or until > $1::timestamptz)`;

/*
 * Who was in the segment $2: itself, the segments that it joins where it is a coarser one, or whose last place within their
 * segment it was where it is a finer one.
 */
const MEMBERS = `with asked as (
    select v.level, case v.level when 'FINER' then '{}' when 'COARSER' then array(${partsOf('v')}) else array[$2::uuid] end as wholes
    from (select) as one left join lateral (${drawingOf('$2::uuid')}) as v on true
  ), members as materialized (
    select m.* from asked, unnest(asked.wholes) as w(id), lateral (select ${COLUMNS} from serving.memberships where segment_id = w.id and ${THEN}) as m
    union all
    select m.* from asked, lateral (select ${COLUMNS} from serving.memberships where asked.level = 'FINER' and finer_segment_id = $2 and ${THEN}) as m
  )
  select t.total, p.* from (select count(*)::float8 as total from members) as t left join lateral (
    select m.*, $2::uuid as "segmentId" from members m where $3::float8 is null or strength < $3 or (strength = $3 and "customerId" > $4::uuid)
    order by strength desc, "customerId" limit $5) as p on true
  order by p.strength desc, p."customerId"`;

const OF_CUSTOMERS = `select ${COLUMNS}, segment_id as "segmentId" from serving.memberships
  where customer_id = any($2::uuid[]) and segment_id is not null and ${THEN} order by level nulls last, strength desc, segment_id`;

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

  /** Strongest first, one row more than asked for, and how many there were: one statement. */
  members(workspaceId: string, segmentId: string, asOf: string, { first, after }: PageAsked<readonly [number, string]>): Promise<{ rows: MemberRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<MemberRow & { total: number }>(MEMBERS, [asOf, segmentId, after?.[0] ?? null, after?.[1] ?? null, first + 1]);
      return { rows: rows.filter(({ customerId }) => customerId !== null), total: rows[0]?.total ?? 0 };
    });
  }

  ofCustomers(workspaceId: string, customerIds: readonly string[], asOf: string): Promise<MemberRow[]> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query<MemberRow>(OF_CUSTOMERS, [asOf, customerIds])).rows);
  }
}
