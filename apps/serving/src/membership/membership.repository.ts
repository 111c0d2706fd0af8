import { Inject, Injectable } from '@nestjs/common';

import type { Database, schema } from '#libs/database';

import { drawingOf, partsOf, wholeOf } from '../segment/drawing.sql.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';
import type { MemberOrder } from './member.order.js';
import { listsOf, type MemberList, type MembersAsked, pageValues } from './member.page.js';

/** A customer's place; `segmentId` null where there is none. */
export interface PlaceRow extends Pick<schema.Membership, 'strength' | 'since' | 'decidedAt' | 'modelId' | 'finerSegmentId'> {
  readonly segmentId: string;
}

export interface CustomerRow {
  /** The id, or the user id, by which the customer was asked for. */
  readonly askedFor: string;
  readonly customerId: string;
  readonly novelty: number | null;
  readonly mapX: number | null;
  readonly mapY: number | null;
  /** One row per place, or one with null. */
  readonly segmentId: string | null;
  readonly strength: number;
  readonly since: Date;
  readonly decidedAt: Date;
  readonly modelId: string | null;
  readonly finerSegmentId: string | null;
}

export interface MemberRow extends PlaceRow {
  readonly customerId: string;
}

export interface MapRow extends Pick<schema.CustomerState, 'customerId' | 'mapX' | 'mapY' | 'strength'> {
  readonly segmentId: string | null;
}

export interface Places {
  readonly served: Served | undefined;
  readonly rows: CustomerRow[];
}

export interface Served {
  readonly modelId: string;
  readonly newestEventAt: Micros | null;
}

const SERVED = `select model_id, newest_event_at from serving.active_model join serving.shadow_models using (workspace_id, model_id)`;
/** `asked` has the customers; `name` is what each is asked for by. */
const placesOf = (asked: string, name: string) => `with served as (${SERVED})
  select ${name} as "askedFor", c.customer_id as "customerId", s.novelty, s.map_x as "mapX", s.map_y as "mapY", m.segment_id as "segmentId",
    m.strength, m.since, m.decided_at as "decidedAt", m.model_id as "modelId", m.finer_segment_id as "finerSegmentId",
    served.model_id as "servedModel", ${microsSql('served.newest_event_at')} as "newestEventAt"
  from (select) as one left join served on true
  left join ${asked} on true
  left join serving.customer_states s on s.model_id = served.model_id and s.customer_id = c.customer_id and length(s.state) > 0
  left join serving.memberships m on m.customer_id = c.customer_id and m.until is null and m.segment_id is not null
  order by m.level nulls last, m.strength desc, m.segment_id`;
const OF_CUSTOMERS = { name: 'customer-memberships', text: placesOf('unnest($1::uuid[]) as c(customer_id)', 'c.customer_id') };
const OF_USERS = { name: 'user-memberships', text: placesOf('(select user_id, customer_id from ingestion.user_customers_v1 where user_id = any($1::text[])) as c', 'c.user_id') };

/**
 * Of each of the segments $1, a page in the order. `a.wholes` are those of the main level in which its members are: itself, those that it
 * joins, or the one that it is a part of. Within them an index has each order.
 */
const membersIn = ({ sort, after }: MemberOrder) => {
  const page = (place: string) => `select customer_id as "customerId", e.id as "segmentId", strength, since, decided_at as "decidedAt",
      model_id as "modelId", finer_segment_id as "finerSegmentId"
    from serving.memberships where ${place} and until is null and ${after('customer_id', ['$2', '$3'])} order by ${sort('customer_id')} limit $4`;
  return `select e.id as "askedId", t.total, (select ${microsSql('newest_event_at')} from (${SERVED}) as served) as "newestEventAt", p.*
  from unnest($1::uuid[]) as e(id)
  cross join lateral (
    select v.level, case v.level when 'FINER' then array(${wholeOf('v')}) when 'COARSER' then array(${partsOf('v')}) else array[e.id] end as wholes
    from (select) as one left join lateral (${drawingOf('e.id')}) as v on true limit 1) as a
  cross join lateral (
    select coalesce(sum(members), 0)::float8 as total from serving.segment_sizes
    where segment_id = any(case a.level when 'COARSER' then a.wholes else array[e.id] end)) as t
  left join lateral (
    select m.* from unnest(a.wholes) as w(id), lateral (${page("a.level is distinct from 'FINER' and segment_id = w.id")}) as m
    union all
    select m.* from unnest(a.wholes) as w(id), lateral (${page("a.level = 'FINER' and segment_id = w.id and finer_segment_id = e.id")}) as m
    order by ${sort('"customerId"')} limit $4) as p on true
  order by e.id, ${sort('p."customerId"')}`;
};

@Injectable()
export class MembershipRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Places and readings of some customers by the served model, in one statement: the hottest of all. */
  ofCustomers(workspaceId: string, customerIds: readonly string[]): Promise<Places> {
    return this.places(workspaceId, OF_CUSTOMERS, customerIds);
  }

  /** The same of whom user ids belong to now, read in that statement too. */
  ofUsers(workspaceId: string, userIds: readonly string[]): Promise<Places> {
    return this.places(workspaceId, OF_USERS, userIds);
  }

  private async places(workspaceId: string, statement: typeof OF_CUSTOMERS, ids: readonly string[]): Promise<Places> {
    const rows = await this.database.read<CustomerRow & { servedModel: string | null; newestEventAt: Micros | null }>(workspaceId, { ...statement, values: [ids] }, { isPlannedOnce: true });
    const first = rows[0];
    const served = first?.servedModel ? { modelId: first.servedModel, newestEventAt: first.newestEventAt } : undefined;
    return { served, rows: rows.filter(({ customerId }) => customerId !== null) };
  }

  /**
   * Of each segment, in the order asked, one row more than asked for, with its size: one statement for all, so that counts and lists speak
   * of the same moment.
   */
  members(
    workspaceId: string,
    segmentIds: readonly string[],
    asked: MembersAsked,
  ): Promise<{ lists: Map<string, MemberList<MemberRow>>; newestEventAt: Micros | null }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<MemberRow & { askedId: string; total: number; newestEventAt: Micros | null }>(membersIn(asked.order), [segmentIds, ...pageValues(asked)]);
      return { lists: listsOf(rows), newestEventAt: rows[0]?.newestEventAt ?? null };
    });
  }

  /** An even sample that is the same again while the same customers are there: the lowest hashes of their ids. */
  map(workspaceId: string, sample: number): Promise<{ served: Served | undefined; rows: MapRow[]; population: number }> {
    return this.database.onConnection(workspaceId, async (client) => {
      const head = await client.query<Served & { population: number }>(
        `select served.model_id as "modelId", ${microsSql('served.newest_event_at')} as "newestEventAt",
           (select count(*) from serving.customer_states s where s.model_id = served.model_id)::float8 as population from (${SERVED}) as served`,
      );
      const served = head.rows[0];
      if (!served) return { served, rows: [], population: 0 };
      const { rows } = await client.query<MapRow>(
        `select s.customer_id as "customerId", s.map_x as "mapX", s.map_y as "mapY", s.strength, v.segment_id as "segmentId"
         from serving.customer_states s
         left join serving.segment_versions v on v.model_id = s.model_id and v.segment_index = s.segment_index
         where s.model_id = $1 order by uuid_hash_extended(s.customer_id, 0), s.customer_id limit $2`,
        [served.modelId, sample],
      );
      return { served, rows, population: served.population };
    });
  }
}
