import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { drawingOf } from '../segment/drawing.sql.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';
import type { MemberOrder } from './member.order.js';
import { firstOfEach, listsOf, type MemberList, type MembersAsked, pageValues } from './member.page.js';

export interface PlacedRow {
  readonly customerId: string;
  readonly strength: number;
}

/**
 * Where the model $2 draws one of the segments $1 it has an index; a coarser one has those of its parts, a finer one lies within one of the
 * main level. Everyone is looked at once for each kind of place, however many segments are asked for.
 */
const placedIn = (order: MemberOrder) => `with asked as materialized (
    select e.id, v.level = 'FINER' as "isFiner", i.index
    from unnest($1::uuid[]) as e(id) cross join lateral (${drawingOf('e.id', '$2::uuid')}) as v
    cross join lateral unnest(case v.level when 'COARSER' then array(
      select c.segment_index from serving.segment_versions c where c.model_id = v.model_id and c.parent_index = v.segment_index) else array[v.segment_index] end) as i(index)
  ), placed as materialized (
    select a.id as "segmentId", s.customer_id as "customerId", s.strength
    from asked a join serving.customer_states s on s.segment_index = a.index where not a."isFiner" and s.model_id = $2
    union all
    select a.id, s.customer_id, s.strength from asked a join serving.customer_states s on s.finer_index = a.index where a."isFiner" and s.model_id = $2
  )
  ${firstOfEach('placed', order, `, (select ${microsSql('max(read_at)')} from serving.customer_states where model_id = $2) as "readAt"`)}`;

/** Whom models place where, served or not. */
@Injectable()
export class PlacementRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  isServed(workspaceId: string, modelId: string): Promise<boolean> {
    return this.database.onConnection(workspaceId, async (client) => (await client.query('select from serving.active_model where model_id = $1', [modelId])).rowCount === 1);
  }

  /** Of each segment, in the order asked, one row more than asked for, how many there are, and when the model last read anybody: one statement for all, so that they agree. */
  in(
    workspaceId: string,
    segmentIds: readonly string[],
    modelId: string,
    asked: MembersAsked,
  ): Promise<{ lists: Map<string, MemberList<PlacedRow>>; readAt: Micros | null }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<PlacedRow & { askedId: string; total: number; readAt: Micros | null }>(placedIn(asked.order), [segmentIds, modelId, ...pageValues(asked)]);
      return { lists: listsOf(rows), readAt: rows[0]?.readAt ?? null };
    });
  }
}
