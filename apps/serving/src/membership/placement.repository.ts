import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import type { PageAsked } from '../page/page.js';
import { drawingOf } from '../segment/drawing.sql.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';

export interface PlacedRow {
  readonly customerId: string;
  readonly strength: number;
}

/** Where the model $2 draws the segment $1 it has an index; a coarser one has those of its parts, a finer one lies within one of the main level. */
const PLACED = `with asked as (
    select v.level = 'FINER' as "isFiner", case v.level when 'COARSER' then array(
      select c.segment_index from serving.segment_versions c where c.model_id = v.model_id and c.parent_index = v.segment_index) else array[v.segment_index] end as indexes
    from (${drawingOf('$1::uuid', '$2::uuid')}) as v
  ), placed as materialized (
    select s.customer_id as "customerId", s.strength from asked, serving.customer_states s
    where s.model_id = $2 and case when "isFiner" then s.finer_index else s.segment_index end = any(indexes)
  )
  select t.total, t."readAt", p.* from (select (select count(*) from placed)::float8 as total,
    (select ${microsSql('max(read_at)')} from serving.customer_states where model_id = $2) as "readAt") as t
  left join lateral (select * from placed where $3::float8 is null or strength < $3 or (strength = $3 and "customerId" > $4::uuid)
    order by strength desc, "customerId" limit $5) as p on true
  order by p.strength desc, p."customerId"`;

/** Whom models place where, served or not. */
@Injectable()
export class PlacementRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  isServed(workspaceId: string, modelId: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query('select from serving.active_model where model_id = $1', [modelId])).rowCount === 1);
  }

  /** Strongest first, one row more than asked for, how many there are, and when the model last read anybody: one statement, so that they agree. */
  in(workspaceId: string, segmentId: string, modelId: string, { first, after }: PageAsked<readonly [number, string]>): Promise<{ rows: PlacedRow[]; total: number; readAt: Micros | null }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<PlacedRow & { total: number; readAt: Micros | null }>(PLACED, [segmentId, modelId, after?.[0] ?? null, after?.[1] ?? null, first + 1]);
      return { rows: rows.filter(({ customerId }) => customerId !== null), total: rows[0]?.total ?? 0, readAt: rows[0]?.readAt ?? null };
    });
  }
}
