import { Inject, Injectable } from '@nestjs/common';

import type { Database, schema } from '#libs/database';

import type { PageAsked } from '../page/page.js';
import { drawingOf, partsOf } from '../segment/drawing.sql.js';
import { DATABASE } from '../store.js';
import { type ChangePlace, FIRST_PLACE } from './change.cursor.js';

/** A change as stored, with its place in the feed. */
export type ChangeRow = Omit<schema.MembershipChange, 'workspaceId' | 'xid' | 'sequence'> & { xid: number; sequence: number };

export interface ChangeFilter {
  readonly customerId: string | null;
  readonly segmentId: string | null;
}

const COLUMNS = `xid::float8 as xid, sequence::float8 as sequence, customer_id as "customerId", from_segment_id as "fromSegmentId",
  to_segment_id as "toSegmentId", strength, at, decided_at as "decidedAt", model_id as "modelId", by_promotion as "byPromotion"`;
/** Into the segment $2, or out of it. A coarser one is all that it joins: whoever moves within it neither comes nor goes. */
const WHOLES = `(array(select c from (${drawingOf('$2::uuid')}) as v, lateral (${partsOf('v')}) as p(c) where v.level = 'COARSER') || $2::uuid)`;
const FILTER = `($1::uuid is null or customer_id = $1) and ($2::uuid is null or (
  (from_segment_id = any${WHOLES} or to_segment_id = any${WHOLES})
  and coalesce(from_segment_id = any${WHOLES}, false) <> coalesce(to_segment_id = any${WHOLES}, false)))`;

/** The newest of each of the customers $1. */
const OF_CUSTOMERS = `select e.* from unnest($1::uuid[]) as o(id) cross join lateral (
    select ${COLUMNS} from serving.membership_changes c
    where c.customer_id = o.id and ($2::bigint is null or (c.xid, c.sequence) < ($2, $3::bigint)) order by c.xid desc, c.sequence desc limit $4) as e
  order by e."customerId", e.xid desc, e.sequence desc`;
const HOW_MANY = `select customer_id as "customerId", count(*)::float8 as total from serving.membership_changes where customer_id = any($1::uuid[]) group by customer_id`;

@Injectable()
export class ChangeRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** The place of the newest change; what is committed later lies after it. */
  head(workspaceId: string): Promise<ChangePlace> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<{ xid: number; sequence: number }>(
        `select xid::float8 as xid, sequence::float8 as sequence from serving.membership_changes c order by c.workspace_id desc, c.xid desc, c.sequence desc limit 1`,
      );
      return rows[0] ? ([rows[0].xid, rows[0].sequence] as const) : FIRST_PLACE;
    });
  }

  /** Oldest first. */
  after(workspaceId: string, place: ChangePlace, { customerId, segmentId }: ChangeFilter, limit: number): Promise<ChangeRow[]> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ChangeRow>(
        `select ${COLUMNS} from serving.membership_changes c
         where ${FILTER} and (c.xid, c.sequence) > ($3::bigint, $4::bigint) order by c.xid, c.sequence limit $5`,
        [customerId, segmentId, place[0], place[1], limit],
      );
      return rows;
    });
  }

  /** Newest first, one row more than asked for, and how many there are. */
  newest(
    workspaceId: string,
    { customerId, segmentId }: ChangeFilter,
    { first, after }: PageAsked<ChangePlace>,
  ): Promise<{ rows: ChangeRow[]; total: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ChangeRow>(
        `select ${COLUMNS} from serving.membership_changes c
         where ${FILTER} and ($3::bigint is null or (c.xid, c.sequence) < ($3, $4::bigint)) order by c.xid desc, c.sequence desc limit $5`,
        [customerId, segmentId, after?.[0] ?? null, after?.[1] ?? null, first + 1],
      );
      const counted = await client.query<{ total: number }>(
        `select count(*)::float8 as total from serving.membership_changes where ${FILTER}`,
        [customerId, segmentId],
      );
      return { rows, total: counted.rows[0]?.total ?? 0 };
    });
  }

  /** Of each customer, newest first, one row more than asked for; with how many there are where that is asked for: as many statements for many as for one. */
  ofCustomers(
    workspaceId: string,
    customerIds: readonly string[],
    { first, after }: PageAsked<ChangePlace>,
    withTotal: boolean,
  ): Promise<{ rows: ReadonlyMap<string, ChangeRow[]>; totals: ReadonlyMap<string, number> }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<ChangeRow>(OF_CUSTOMERS, [customerIds, after?.[0] ?? null, after?.[1] ?? null, first + 1]);
      const counted = withTotal ? (await client.query<{ customerId: string; total: number }>(HOW_MANY, [customerIds])).rows : [];
      return { rows: Map.groupBy(rows, ({ customerId }) => customerId), totals: new Map(counted.map(({ customerId, total }) => [customerId, total])) };
    });
  }
}
