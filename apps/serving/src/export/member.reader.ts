import { Inject, Injectable } from '@nestjs/common';

import type { Database } from '#libs/database';

import { THEN } from '../history/past.repository.js';
import { drawingOf, partsOf } from '../segment/drawing.sql.js';
import { NIL } from '../page/uuid.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';

/** What the members that were read are members of. */
export interface SegmentFacts {
  readonly name: string;
  readonly members: number;
  /** Null for one that people defined. */
  readonly modelId: string | null;
  readonly versionAt: string;
  /** Null as of an earlier time too. */
  readonly newestEventAt: Micros | null;
  /** Customers whom the served model had read: those in a segment, and those unlike anything it has seen. Null as of an earlier time. */
  readonly read: { readonly placed: number; readonly unseen: number } | null;
}

/** Whom to read, and how much of them. */
export interface MembersAsked {
  readonly hasNovelty: boolean;
  /** Null: who is in it now. */
  readonly asOf: Date | null;
}

export interface MemberRow {
  readonly customerId: string;
  readonly strength: number;
  readonly since: string;
  readonly decidedAt: string;
  /** Null in a segment that people defined. */
  readonly modelId: string | null;
  /** By the served model; null where that was not asked for, and of whom it has not read. */
  readonly novelty: number | null;
}

/** As the statement names it: `modelId` is there what draws the segment. */
type Read = Omit<MemberRow, 'modelId'> & { readonly memberModelId: string | null };

const AT_ONCE = 5_000;
const isoSql = (expression: string) => `to_char(${expression} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const memberWhere = (place: string, when: string) => `select customer_id as "customerId", strength, ${isoSql('since')} as since, ${isoSql('decided_at')} as "decidedAt", model_id as "memberModelId"
  from serving.memberships where ${place} and ${when}`;

const STATES = `select customer_id, novelty from serving.customer_states join serving.active_model using (workspace_id, model_id) where length(state) > 0`;

/** By the sizes that are kept beside memberships. */
const COUNTED_NOW = `coalesce((select sum(members) from serving.segment_sizes where segment_id = any(case level when 'FINER' then array[$1::uuid] else wholes end)), 0)::float8`;
const READ_NOW = `(select json_build_object('placed', coalesce(sum(z.members) filter (where z.segment_id <> '${NIL}'), 0), 'unseen', coalesce(sum(z.members) filter (where z.segment_id = '${NIL}'), 0))
  from serving.segment_sizes z where z.segment_id = '${NIL}' or exists (select from serving.segments s where s.id = z.segment_id and s.kind = 'LEARNED')
    and not exists (select from serving.segment_versions v where v.segment_id = z.segment_id and v.level = 'FINER'))`;
const NEWEST_NOW = `(select ${microsSql('max(newest_event_at)')} from serving.active_model join serving.shadow_models using (workspace_id, model_id))`;

/*
 * Everyone in the segment $1, strongest first, beside its size and what it is, with how unusual they are where that
 * is asked for: one statement and so one moment, in which count and list cannot differ. A coarser segment is all that it joins, a finer one a part of another.
 * As of an earlier time ($2) it is who was in it then, as the served model draws it, and the list is the count.
 */
const membersWith = ({ hasNovelty, asOf }: MembersAsked) => {
  const when = asOf ? THEN : 'until is null';
  return `with asked as (
    select s.name, v.model_id, v.level, coalesce(v.created_at, d.changed_at, s.created_at) as version_at,
      case v.level when 'FINER' then '{}' when 'COARSER' then array(${partsOf('v')}) else array[$1::uuid] end as wholes
    from serving.segments s left join serving.segment_definitions d on d.segment_id = s.id left join lateral (${drawingOf('$1::uuid')}) as v on true
    where s.id = $1
  ), listed as (
    select m.* from asked, unnest(asked.wholes) as w(id), lateral (${memberWhere('segment_id = w.id', when)}) as m
    union all
    select m.* from asked, lateral (${memberWhere("asked.level = 'FINER' and finer_segment_id = $1", when)}) as m
  ), facts as (
    select name, model_id as "modelId", ${isoSql('version_at')} as "versionAt", ${asOf ? '(select count(*) from listed)::float8' : COUNTED_NOW} as members,
      ${asOf ? 'null::float8' : NEWEST_NOW} as "newestEventAt", ${asOf ? 'null::json' : READ_NOW} as read
    from asked
  )
  select f.*, p.*, ${hasNovelty ? 's.novelty' : 'null::float8 as novelty'} from facts f left join listed p on true
  ${hasNovelty ? `left join (${STATES}) as s on s.customer_id = p."customerId"` : ''}
  order by p.strength desc, p."customerId"`;
};

/** Reads everyone in a segment, however many there are. */
@Injectable()
export class MemberReader {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Hands over all members, in pieces and in order; undefined where there is no such segment. What takes a piece must
   * be quick: the transaction waits for it.
   */
  read(workspaceId: string, segmentId: string, asked: MembersAsked, take: (rows: readonly MemberRow[]) => Promise<void>): Promise<SegmentFacts | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      await client.query(`declare members no scroll cursor for ${membersWith(asked)}`, asked.asOf ? [segmentId, asked.asOf] : [segmentId]);
      let facts: SegmentFacts | undefined;
      for (;;) {
        const { rows } = await client.query<SegmentFacts & { [Name in keyof Read]: Read[Name] | null }>(`fetch ${AT_ONCE} from members`);
        facts ??= rows[0];
        const members = rows.filter((row): row is SegmentFacts & Read => row.customerId !== null).map(({ memberModelId, ...row }) => ({ ...row, modelId: memberModelId }));
        if (members.length > 0) await take(members);
        if (rows.length < AT_ONCE) return facts;
      }
    });
  }
}
