import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { Database } from '#libs/database';

import { NIL } from '../page/uuid.js';
import { lockMemberships } from '../scoring/write.lock.js';
import { DATABASE } from '../store.js';
import { isoOf, type Micros, microsSql } from '../time/micros.js';
import { changeUnusual } from '../unusual/unusual.writes.js';
import { lineageOf } from './segment.lineage.js';
import { type Crossing, type DrawnLevel, flowsOf, LEVELS, membersOf } from './segment.levels.js';
import { type DrawnSegment, settleNames } from './segment.matching.js';

export interface ActiveModel {
  readonly modelId: string;
  readonly fence: number;
  readonly activatedAt: Date;
}

export interface Candidate {
  readonly isPrepared: boolean;
  readonly newestEventAt: Micros | null;
}

/** A segment as a model draws it, with what the model and a person call it. */
type Drawing = DrawnLevel & DrawnSegment & { readonly description: string };

interface LiveSegment {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
}

/** What was drawn, what is drawn from now on, and who went from where to where. */
interface Redrawing {
  readonly modelId: string;
  readonly at: Date;
  readonly crossings: readonly Crossing[];
  readonly formerly: readonly Drawing[];
  readonly drawn: readonly Drawing[];
  readonly live: readonly LiveSegment[];
}

type Write = (client: PoolClient) => Promise<unknown>;

export type Switch =
  | { readonly outcome: 'SWITCHED'; readonly activatedAt: Date; readonly moved: number }
  | { readonly outcome: 'SERVED_ALREADY'; readonly activatedAt: Date }
  | { readonly outcome: 'STALE_FENCE'; readonly fence: number };

const CURRENT = `select id, customer_id, segment_id, finer_segment_id, strength, decided_at, model_id from serving.memberships where level = 0 and until is null`;
/*
 * Where each customer is by the model $1, unseen ones with a null segment. Whoever came after the model's
 * position has not been read by it yet: they stay where they are if that segment goes on, and are placed
 * once the reader has caught up. So is the part of it that they are in, unless that goes on in it.
 */
const PLACES = `select s.customer_id, v.segment_id, f.segment_id as finer_segment_id, s.strength, s.read_at, s.model_id
  from serving.customer_states s
  left join serving.segment_versions v on v.model_id = s.model_id and v.segment_index = s.segment_index
  left join serving.segment_versions f on f.model_id = s.model_id and f.segment_index = s.finer_index
  where s.model_id = $1
  union all
  select c.customer_id, v.segment_id, f.segment_id, case when v.segment_id is null then 0 else c.strength end, c.decided_at,
    case when v.segment_id is null then $1 else c.model_id end
  from (${CURRENT}) c left join serving.segment_versions v on v.model_id = $1 and v.segment_id = c.segment_id
  left join serving.segment_versions f on f.model_id = $1 and f.segment_id = c.finer_segment_id and f.parent_index = v.segment_index
  where not exists (select from serving.customer_states s where s.model_id = $1 and s.customer_id = c.customer_id)`;
/*
 * Everyone to where the model $1 has them, at $2: compared once, written as far as it differs. Where a place is left, the next one begins as
 * it ends, which is not before it began, wherever the workspace's clock was set to meanwhile. Answers how many went from where to where.
 */
const MOVE_EVERYONE = `with compared as materialized (
    select p.customer_id, m.id, m.segment_id as was, m.finer_segment_id as was_finer, p.segment_id as becomes, p.finer_segment_id as finer,
      p.strength, least(p.read_at, $2) as decided_at, p.model_id, m.id is not null and m.segment_id is not distinct from p.segment_id as stays
    from (${PLACES}) p left join (${CURRENT}) m using (customer_id)
  ), told as (
    insert into serving.membership_changes (workspace_id, customer_id, from_segment_id, to_segment_id, strength, decided_at, model_id, by_promotion)
    select kindred.workspace(), customer_id, was, becomes, strength, decided_at, $1, true from compared where was is distinct from becomes
  ), stayed as (
    update serving.memberships m set strength = c.strength, decided_at = c.decided_at, model_id = c.model_id, finer_segment_id = c.finer
    from compared c where m.id = c.id and m.level = 0 and m.until is null and c.stays
  ), ended as (
    update serving.memberships m set until = greatest($2, m.since) from compared c where m.id = c.id and m.level = 0 and m.until is null and not c.stays
    returning m.customer_id, m.until
  ), begun as (
    insert into serving.memberships (workspace_id, customer_id, level, segment_id, finer_segment_id, since, strength, decided_at, model_id)
    select kindred.workspace(), c.customer_id, 0, c.becomes, c.finer, coalesce(e.until, $2), c.strength, c.decided_at, c.model_id
    from compared c left join ended e using (customer_id) where not c.stays
  )
  select was as "from", was_finer as "fromFiner", becomes as "to", finer as "toFiner", count(*)::float8 as customers from compared group by 1, 2, 3, 4`;
const COUNT_EVERYONE = `insert into serving.segment_sizes (workspace_id, segment_id, members)
  select kindred.workspace(), counted, count(*) from serving.memberships, unnest(array[coalesce(segment_id, '${NIL}'), finer_segment_id]) as counted
  where until is null and counted is not null group by 2`;

/** What a load and a switch fill. */
const FILLED = ['customer_states', 'memberships', 'membership_changes', 'segments', 'segment_versions', 'segment_sizes'];
/** Pages of 8 KB: what is smaller is read as quickly by any plan. */
const SMALL_PAGES = 10;
const GROWN = `select c.relname as name from pg_class c
  where c.relnamespace = 'serving'::regnamespace and c.relname = any($1::text[])
    and pg_relation_size(c.oid) > 1.1 * greatest(c.relpages, $2::int) * current_setting('block_size')::int`;

/** The switch from one model to another: everyone, in one transaction. */
@Injectable()
export class ActivationRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  active(workspaceId: string): Promise<ActiveModel | undefined> {
    return this.database.onConnection(workspaceId, (client) => this.readActive(client));
  }

  candidate(workspaceId: string, modelId: string): Promise<Candidate | undefined> {
    return this.database.onConnection(workspaceId, async (client) => {
      const { rows } = await client.query<Candidate>(
        `select prepared_at is not null as "isPrepared", ${microsSql('newest_event_at')} as "newestEventAt" from serving.shadow_models where model_id = $1`,
        [modelId],
      );
      return rows[0];
    });
  }

  /**
   * `now` is the workspace's: the moment at which memberships end and begin. Every commit of the workspace waits for it, and so does the feed
   * of every workspace: statements go out together, as far as one does not need what another answers.
   */
  switchTo(workspaceId: string, modelId: string, fence: number, now: Micros): Promise<Switch> {
    return this.database.onConnection(workspaceId, async (client) => {
      const [, active] = await Promise.all([lockMemberships(client, workspaceId), this.readActive(client)]);
      if (active && fence < active.fence) return { outcome: 'STALE_FENCE', fence: active.fence };
      if (active && active.fence === fence && active.modelId !== modelId) return { outcome: 'STALE_FENCE', fence };
      if (active?.modelId === modelId) return { outcome: 'SERVED_ALREADY', activatedAt: await this.writeActive(client, modelId, fence, true) };
      const [activatedAt, { rows: crossings }, formerly, drawn, live] = await Promise.all([
        this.writeActive(client, modelId, fence, false),
        client.query<Crossing>(MOVE_EVERYONE, [modelId, isoOf(now)]),
        this.drawings(client, active?.modelId ?? null),
        this.drawings(client, modelId),
        client.query<LiveSegment>(`select id, kind, name from serving.segments where is_live`),
      ]);
      await Promise.all([
        ...this.segmentWrites({ modelId, at: activatedAt, crossings, formerly, drawn, live: live.rows }).map((write) => write(client)),
        client.query(`delete from serving.segment_sizes`),
        client.query(COUNT_EVERYONE),
      ]);
      await changeUnusual(client, modelId, 'PROMOTION');
      const moved = crossings.reduce((sum, { from, to, customers }) => (from === to ? sum : sum + customers), 0);
      return { outcome: 'SWITCHED', activatedAt, moved };
    });
  }

  /**
   * Measures the tables that have grown by more than a tenth since they were measured, so that lookups are planned for what they hold now: one at
   * a time, for events wait behind what writes.
   */
  async measureTables(workspaceId: string): Promise<void> {
    const { rows } = await this.database.onConnection(workspaceId, (client) => client.query<{ name: string }>(GROWN, [FILLED, SMALL_PAGES]));
    for (const { name } of rows) await this.database.onConnection(workspaceId, (client) => client.query('select serving.measure_table($1)', [name]));
  }

  private async readActive(client: PoolClient): Promise<ActiveModel | undefined> {
    const { rows } = await client.query<ActiveModel>(
      `select model_id as "modelId", fence::float8 as fence, activated_at as "activatedAt" from serving.active_model`,
    );
    return rows[0];
  }

  private async writeActive(client: PoolClient, modelId: string, fence: number, isSame: boolean): Promise<Date> {
    const { rows } = await client.query<{ activatedAt: Date }>(
      `insert into serving.active_model as held (workspace_id, model_id, fence, activated_at) values (kindred.workspace(), $1, $2, now())
       on conflict (workspace_id) do update set model_id = $1, fence = $2, activated_at = case when $3 then held.activated_at else now() end
       returning activated_at as "activatedAt"`,
      [modelId, fence, isSame],
    );
    if (!rows[0]) throw new Error('the active model was not written');
    return rows[0].activatedAt;
  }

  /** What a model draws, in the order of its bundle. */
  private async drawings(client: PoolClient, modelId: string | null): Promise<Drawing[]> {
    const { rows } = await client.query<Drawing>(
      `select v.segment_id as id, v.level, p.segment_id as "parentId", v.name, v.description, case when s.is_renamed then s.name end as "givenName"
       from serving.segment_versions v join serving.segments s on s.id = v.segment_id
       left join serving.segment_versions p on p.model_id = v.model_id and p.segment_index = v.parent_index
       where v.model_id = $1 order by v.segment_index`,
      [modelId],
    );
    return rows;
  }

  /** Names, what is live and retired, and the lineage. */
  private segmentWrites({ modelId, at, crossings, formerly, drawn, live }: Redrawing): Write[] {
    const learned = live.filter(({ kind }) => kind === 'LEARNED').map(({ id }) => id);
    const next = new Set(drawn.map(({ id }) => id));
    const steps = LEVELS.flatMap((level) => lineageOf(membersOf(formerly, level), membersOf(drawn, level), flowsOf(crossings, level, formerly, drawn)));
    const names = settleNames(drawn, live.filter(({ kind }) => kind !== 'LEARNED').map(({ name }) => name));
    const lineage = steps.map(({ segmentId, kind, relatedSegmentIds, overlap }) => ({ segment_id: segmentId, kind, related: relatedSegmentIds, overlap }));
    return [
      // First all give up their names, for two segments may swap theirs.
      (client) => client.query(`update serving.segments set is_live = false where kind = 'LEARNED' and is_live`),
      (client) => client.query(
        `update serving.segments s set is_live = true, retired_at = null, name = r.name,
           description = case when s.is_redescribed then s.description else r.description end
         from json_to_recordset($1::json) as r(id uuid, name text, description text) where s.id = r.id`,
        [JSON.stringify(drawn.map(({ id, description }) => ({ id, description, name: names.get(id) })))],
      ),
      (client) => client.query(`update serving.segments set retired_at = $2 where id = any($1::uuid[])`, [learned.filter((id) => !next.has(id)), at]),
      (client) => client.query(
        `insert into serving.segment_lineage (workspace_id, segment_id, kind, model_id, at, related_segment_ids, overlap)
         select kindred.workspace(), r.segment_id, r.kind, $1, $2, array(select jsonb_array_elements_text(r.related)::uuid), r.overlap
         from json_to_recordset($3::json) as r(segment_id uuid, kind text, related jsonb, overlap float8)`,
        [modelId, at, JSON.stringify(lineage)],
      ),
    ];
  }
}
