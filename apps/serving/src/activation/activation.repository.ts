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
import { settleNames } from './segment.matching.js';

export interface ActiveModel {
  readonly modelId: string;
  readonly fence: number;
  readonly activatedAt: Date;
}

export interface Candidate {
  readonly isPrepared: boolean;
  readonly newestEventAt: Micros | null;
}

export type Switch =
  | { readonly outcome: 'SWITCHED'; readonly activatedAt: Date; readonly moved: number }
  | { readonly outcome: 'SERVED_ALREADY'; readonly activatedAt: Date }
  | { readonly outcome: 'STALE_FENCE'; readonly fence: number };

const CURRENT = `select customer_id, segment_id, finer_segment_id from serving.memberships where level = 0 and until is null`;
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
  from serving.memberships c left join serving.segment_versions v on v.model_id = $1 and v.segment_id = c.segment_id
  left join serving.segment_versions f on f.model_id = $1 and f.segment_id = c.finer_segment_id and f.parent_index = v.segment_index
  where c.level = 0 and c.until is null
    and not exists (select from serving.customer_states s where s.model_id = $1 and s.customer_id = c.customer_id)`;

/** The switch from one model to another: everyone, in one transaction. */
const MEASURED = ['customer_states', 'memberships', 'membership_changes', 'segments', 'segment_versions', 'segment_sizes'];

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

  /** `now` is the workspace's: the moment at which memberships end and begin. */
  switchTo(workspaceId: string, modelId: string, fence: number, now: Micros): Promise<Switch> {
    return this.database.onConnection(workspaceId, async (client) => {
      await lockMemberships(client, workspaceId);
      const active = await this.readActive(client);
      if (active && fence < active.fence) return { outcome: 'STALE_FENCE', fence: active.fence };
      if (active && active.fence === fence && active.modelId !== modelId) return { outcome: 'STALE_FENCE', fence };
      const activatedAt = await this.writeActive(client, modelId, fence, active?.modelId === modelId);
      if (active?.modelId === modelId) return { outcome: 'SERVED_ALREADY', activatedAt };
      await this.changeSegments(client, active?.modelId ?? null, modelId, activatedAt);
      const moved = await this.changeMemberships(client, modelId, now);
      await changeUnusual(client, modelId, 'PROMOTION');
      return { outcome: 'SWITCHED', activatedAt, moved };
    });
  }

  /** Measures the tables after much of them changed, so that lookups are planned for what they hold now: one at a time, for events wait behind what writes. */
  async measureTables(workspaceId: string): Promise<void> {
    for (const table of MEASURED) await this.database.onConnection(workspaceId, (client) => client.query('select serving.measure_table($1)', [table]));
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

  /** Names, what is live and retired, and the lineage; reads memberships as they were before the switch. */
  private async changeSegments(client: PoolClient, formerModelId: string | null, modelId: string, at: Date): Promise<void> {
    const crossings = await client.query<Crossing>(
      `select m.segment_id as "from", m.finer_segment_id as "fromFiner", p.segment_id as "to", p.finer_segment_id as "toFiner",
         count(*)::float8 as customers
       from (${CURRENT}) m full join (${PLACES}) p using (customer_id) group by 1, 2, 3, 4`,
      [modelId],
    );
    const [formerly, now] = [await this.levels(client, formerModelId), await this.levels(client, modelId)];
    const live = await client.query<{ id: string; kind: string; name: string }>(`select id, kind, name from serving.segments where is_live`);
    const drawn = await client.query<{ id: string; name: string; description: string; givenName: string | null }>(
      `select v.segment_id as id, v.name, v.description, case when s.is_renamed then s.name end as "givenName"
       from serving.segment_versions v join serving.segments s on s.id = v.segment_id where v.model_id = $1 order by v.segment_index`,
      [modelId],
    );
    const learned = live.rows.filter(({ kind }) => kind === 'LEARNED').map(({ id }) => id);
    const next = new Set(drawn.rows.map(({ id }) => id));
    const steps = LEVELS.flatMap((level) => lineageOf(membersOf(formerly, level), membersOf(now, level), flowsOf(crossings.rows, level, formerly, now)));
    const names = settleNames(drawn.rows, live.rows.filter(({ kind }) => kind !== 'LEARNED').map(({ name }) => name));
    // First all give up their names, for two segments may swap theirs.
    await client.query(`update serving.segments set is_live = false where kind = 'LEARNED' and is_live`);
    await client.query(
      `update serving.segments s set is_live = true, retired_at = null, name = r.name,
         description = case when s.is_redescribed then s.description else r.description end
       from json_to_recordset($1::json) as r(id uuid, name text, description text) where s.id = r.id`,
      [JSON.stringify(drawn.rows.map(({ id, description }) => ({ id, description, name: names.get(id) })))],
    );
    await client.query(`update serving.segments set retired_at = $2 where id = any($1::uuid[])`, [learned.filter((id) => !next.has(id)), at]);
    await client.query(
      `insert into serving.segment_lineage (workspace_id, segment_id, kind, model_id, at, related_segment_ids, overlap)
       select kindred.workspace(), r.segment_id, r.kind, $1, $2, array(select jsonb_array_elements_text(r.related)::uuid), r.overlap
       from json_to_recordset($3::json) as r(segment_id uuid, kind text, related jsonb, overlap float8)`,
      [
        modelId,
        at,
        JSON.stringify(
          steps.map(({ segmentId, kind, relatedSegmentIds, overlap }) => ({
            segment_id: segmentId, kind, related: relatedSegmentIds, overlap,
          })),
        ),
      ],
    );
  }

  /** What a model draws, and on which level. */
  private async levels(client: PoolClient, modelId: string | null): Promise<DrawnLevel[]> {
    const { rows } = await client.query<DrawnLevel>(
      `select v.segment_id as id, v.level, p.segment_id as "parentId" from serving.segment_versions v
       left join serving.segment_versions p on p.model_id = v.model_id and p.segment_index = v.parent_index where v.model_id = $1`,
      [modelId],
    );
    return rows;
  }

  /** Set by set; answers how many customers' segment is another one now. */
  private async changeMemberships(client: PoolClient, modelId: string, now: Micros): Promise<number> {
    const moment = isoOf(now);
    const changed = await client.query(
      `insert into serving.membership_changes (workspace_id, customer_id, from_segment_id, to_segment_id, strength, decided_at, model_id, by_promotion)
       select kindred.workspace(), customer_id, m.segment_id, p.segment_id, p.strength, least(p.read_at, $2), $1, true
       from (${CURRENT}) m right join (${PLACES}) p using (customer_id) where m.segment_id is distinct from p.segment_id`,
      [modelId, moment],
    );
    await client.query(
      `update serving.memberships m set strength = p.strength, decided_at = least(p.read_at, $2), model_id = p.model_id, finer_segment_id = p.finer_segment_id
       from (${PLACES}) p where p.customer_id = m.customer_id and p.segment_id is not distinct from m.segment_id and m.level = 0 and m.until is null`,
      [modelId, moment],
    );
    // No row may end before it began, wherever the workspace's clock was set to meanwhile: the next one begins where it ends.
    await client.query(
      `with ended as (
         update serving.memberships m set until = greatest($2, m.since) where level = 0 and until is null and not exists (
           select from (${PLACES}) p where p.customer_id = m.customer_id and p.segment_id is not distinct from m.segment_id)
         returning customer_id, until
       )
       insert into serving.memberships (workspace_id, customer_id, level, segment_id, finer_segment_id, since, strength, decided_at, model_id)
       select kindred.workspace(), p.customer_id, 0, p.segment_id, p.finer_segment_id, coalesce(e.until, $2), p.strength, least(p.read_at, $2), p.model_id
       from (${PLACES}) p left join (${CURRENT}) m using (customer_id) left join ended e using (customer_id)
       where m.customer_id is null or e.customer_id is not null`,
      [modelId, moment],
    );
    await client.query(`delete from serving.segment_sizes`);
    await client.query(
      `insert into serving.segment_sizes (workspace_id, segment_id, members)
       select kindred.workspace(), counted, count(*) from serving.memberships, unnest(array[coalesce(segment_id, '${NIL}'), finer_segment_id]) as counted
       where until is null and counted is not null group by 2`,
    );
    return changed.rowCount ?? 0;
  }
}
