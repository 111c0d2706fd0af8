import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import type { definition } from '#libs/contracts';
import type { Database } from '#libs/database';
import { type EventScope, FEED, KeptHistory } from '#libs/history';

import { PARTITIONS } from '../lease/partition.js';
import { NIL } from '../page/uuid.js';
import { DATABASE } from '../store.js';
import { type Micros, microsSql } from '../time/micros.js';
import { type Condition, invalid, type Literal, storedCondition } from './condition.js';
import { eventsFor, finding, type Found, judging, SAMPLE } from './condition.sql.js';
import { failureOf, isTooSlow } from './rule.failure.js';
import { type Ask, NOT_READ, noticesOf } from './rule.notices.js';

/** What `within` hands to its work. */
export type Transaction = PoolClient;

const NAME_INDEX = 'segments_name';
const PREVIEW_MS = 20_000;
/** Until a rule that failed is tried again. */
const RETRY_MINUTES = 1;

export interface DefinitionRow {
  readonly segmentId: string;
  readonly name: string;
  readonly kind: 'RULE' | 'STATIC' | 'EXAMPLE';
  /** Null: a fixed list. */
  readonly condition: Condition | null;
  /** Why nobody can be judged by the condition as it is stored; null: it is well-formed. */
  readonly malformed: string | null;
  /** Up to when a retention policy dropped events, where it did since everyone was last to be looked at; null: it did not. */
  readonly lostUntil: Date | null;
  /** Partitions of everyone that are still to be looked at since it was changed. */
  readonly unbuilt: number;
  readonly changedAt: Date;
  /** Why it was left out when it was last tried; null: it was not. */
  readonly failure: string | null;
  /** It failed, and is not to be tried again yet. */
  readonly isPaused: boolean;
}

/** A partition of everyone, to be looked at under a rule since it was asked for. */
export interface Build {
  readonly segmentId: string;
  readonly partition: number;
  readonly askedAt: string;
}

/** What a rule may name. */
export interface KnownSegment {
  readonly id: string;
  readonly name: string;
  readonly isMain: boolean;
  /** It was neither retired nor deleted. */
  readonly isLive: boolean;
}

export interface Sample {
  readonly size: number;
  readonly population: number;
  readonly sample: string[];
  readonly notices: definition.RuleNotice[];
}

const DROPPED = `coalesce((select archives::int from ingestion.dropped_history_v1), 0)`;
/** What was dropped is counted once for all rules. */
const ROWS = `with dropped as materialized (select archives, dropped_until from ingestion.dropped_history_v1)
  select d.segment_id as "segmentId", s.name, s.kind, d.condition, d.changed_at as "changedAt", d.failure, coalesce(d.retry_at > now(), false) as "isPaused",
    case when h.archives <> d.dropped_archives then h.dropped_until end as "lostUntil",
    (select count(*) from serving.definition_builds b where b.segment_id = d.segment_id)::int as "unbuilt"
  from serving.segment_definitions d join serving.segments s on s.id = d.segment_id left join dropped h on true order by d.segment_id`;
const NOTE_DROPPED = `update serving.segment_definitions d set dropped_archives = h.archives from ingestion.dropped_history_v1 h
  where d.segment_id = any($1::uuid[]) and d.dropped_archives <> h.archives returning d.segment_id as id`;

/** Also where it lies in an archive. */
const NEWEST = `select greatest((select max(occurred_at) from ingestion.event_feed_v1), (select max(last_behaviour_at) from ingestion.archived_subjects_v1))`;
/** At the ends of the feeds: what is older is looked at with everyone. */
const BEGIN_HERE = `insert into serving.definition_positions
    (workspace_id, partition, event_horizon, event_sequence, mapping_horizon, mapping_sequence, change_xid, change_sequence, newest_event_at)
  select kindred.workspace(), p, coalesce(e.horizon, 0), coalesce(e.sequence, 0), coalesce(m.horizon, 0), coalesce(m.sequence, 0),
    coalesce(c.xid, 0), coalesce(c.sequence, 0), (${NEWEST})
  from generate_series(0, ${PARTITIONS - 1}) as p
  left join lateral (select f.horizon, f.sequence from ingestion.customer_feed_v1 f order by f.horizon desc, f.sequence desc limit 1) e on true
  left join lateral (select f.horizon, f.sequence from ingestion.mapping_feed_v1 f order by f.horizon desc, f.sequence desc limit 1) m on true
  left join lateral (select h.xid, h.sequence from serving.membership_changes h order by h.xid desc, h.sequence desc limit 1) c on true
  where not exists (select from serving.definition_positions)
  on conflict do nothing`;
const BUILD_ALL = `insert into serving.definition_builds (workspace_id, segment_id, partition)
  select kindred.workspace(), id, p from unnest($1::uuid[]) as id cross join generate_series(0, ${PARTITIONS - 1}) as p
  on conflict (workspace_id, segment_id, partition) do update set asked_at = excluded.asked_at`;
const NEXT_BUILD = `select b.segment_id as "segmentId", b.partition, b.asked_at::text as "askedAt" from unnest($1::uuid[]) with ordinality as r(id, place)
  join serving.definition_builds b on b.segment_id = r.id and b.partition = any($2::int[]) order by r.place, b.partition limit 1`;
/** Also those of whom the segment holds something, whoever owns their events by now. */
const TO_LOOK_AT = `select id from (
    select customer_id as id from ingestion.subject_customers_v1 union select customer_id from serving.memberships where segment_id = $1 and until is null
    union select customer_id from serving.segment_deadlines where segment_id = $1) as one
  where serving.partition_of(id) = $2 order by id`;

/** Definitions as they are stored; whoever changes one calls `hold` first in the same transaction. */
@Injectable()
export class DefinitionRepository {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    private readonly history: KeptHistory,
  ) {}

  /** In one transaction. */
  within<Result>(workspaceId: string, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    return this.database.onConnection(workspaceId, work);
  }

  /**
   * Rules follow the feeds from here on if none did before; until the transaction ends nobody else moves them. Without
   * rules a reader takes the rows away, so that they may be gone once they could be held: then they are made again.
   */
  async hold(client: PoolClient): Promise<void> {
    for (let isHeld = false; !isHeld; ) {
      await client.query(BEGIN_HERE);
      isHeld = (await client.query(`select from serving.definition_positions order by partition for update`)).rowCount === PARTITIONS;
    }
    await client.query(`insert into serving.open_definitions values (kindred.workspace()) on conflict do nothing`);
  }

  /** What statements about these conditions are to read events from, archived ones too where they decide. */
  async sourceFor(client: PoolClient, conditions: readonly Condition[], whose: Pick<EventScope, 'customerIds'>, now: string, signal?: AbortSignal): Promise<string> {
    const events = eventsFor(conditions, now);
    return events ? this.history.open(client, { ...events, ...whose }, signal) : FEED;
  }

  async newestEventAt(client: PoolClient): Promise<Micros | null> {
    const { rows } = await client.query<{ at: Micros | null }>(`select ${microsSql(`(${NEWEST})`)} as at`);
    return rows[0]?.at ?? null;
  }

  async all(client: PoolClient): Promise<DefinitionRow[]> {
    const { rows } = await client.query<Omit<DefinitionRow, 'condition' | 'malformed'> & { condition: unknown }>(ROWS);
    return rows.map((row) => ({ ...row, ...(row.condition === null ? { condition: null, malformed: null } : storedCondition(row.condition)) }));
  }

  /** Those of the names that no event carries. */
  async unknownEvents(client: PoolClient, names: readonly string[]): Promise<string[]> {
    const { rows } = await client.query<{ name: string }>(
      `select name from unnest($1::text[]) as name where not exists (select from ingestion.event_feed_v1 f where f.name = name.name)
         and not exists (select from ingestion.event_archives_v1 a where a.names is null or name.name = any(a.names))`,
      [names],
    );
    return rows.map(({ name }) => name);
  }

  async known(client: PoolClient, ids: readonly string[]): Promise<KnownSegment[]> {
    const { rows } = await client.query<KnownSegment>(
      `select s.id, s.name, s.is_live as "isLive", s.kind <> 'LEARNED' or exists (
         select from serving.segment_versions v where v.segment_id = s.id and v.model_id = (select model_id from serving.active_model) and v.level = 'MAIN') as "isMain"
       from serving.segments s where s.id = any($1::uuid[])`,
      [ids],
    );
    return rows;
  }

  /** False where the name is taken. */
  async insert(client: PoolClient, id: string, kind: DefinitionRow['kind'], name: string, description: string, condition: Condition | null): Promise<boolean> {
    const { rowCount } = await client.query(
      `insert into serving.segments (workspace_id, id, kind, name, description, is_renamed, is_redescribed, is_live)
       select kindred.workspace(), $1, $2, $3, $4, true, true, true where not exists (select from serving.segments where is_live and lower(name) = lower($3))`,
      [id, kind, name, description],
    );
    if (rowCount !== 1) return false;
    await client.query(`insert into serving.segment_definitions (workspace_id, segment_id, condition, dropped_archives) values (kindred.workspace(), $1, $2, ${DROPPED})`, [
      id,
      condition === null ? null : JSON.stringify(condition),
    ]);
    if (condition !== null) await client.query(BUILD_ALL, [[id]]);
    return true;
  }

  /** Everyone is looked at again. */
  async change(client: PoolClient, segmentId: string, condition: Condition): Promise<void> {
    await client.query(`update serving.segment_definitions set condition = $2, changed_at = now(), failure = null, retry_at = null where segment_id = $1`, [segmentId, JSON.stringify(condition)]);
    await client.query(BUILD_ALL, [[segmentId]]);
  }

  /** What was dropped is taken note of; under the rules that counted some of it everyone is looked at again, unless another replica has asked for that. */
  async lose(client: PoolClient, rules: readonly { readonly segmentId: string; readonly hasCounted: boolean }[]): Promise<void> {
    const { rows } = await client.query<{ id: string }>(NOTE_DROPPED, [rules.map(({ segmentId }) => segmentId)]);
    const noted = new Set(rows.map(({ id }) => id));
    const counted = rules.flatMap(({ segmentId, hasCounted }) => (hasCounted && noted.has(segmentId) ? [segmentId] : []));
    if (counted.length > 0) await client.query(BUILD_ALL, [counted]);
  }

  /** Nobody is judged under it until it is tried again, which begins with everyone; until then it has no deadlines. */
  async fail(client: PoolClient, segmentId: string, failure: string): Promise<void> {
    await client.query(`update serving.segment_definitions set failure = $2, retry_at = now() + make_interval(mins => ${RETRY_MINUTES}) where segment_id = $1`, [segmentId, failure]);
    await client.query(`delete from serving.segment_deadlines where segment_id = $1`, [segmentId]);
    await client.query(BUILD_ALL, [[segmentId]]);
  }

  async recover(client: PoolClient, segmentId: string): Promise<void> {
    await client.query(`update serving.segment_definitions set failure = null, retry_at = null where segment_id = $1`, [segmentId]);
  }

  /** Of the rules in their order, the first that has everyone of these partitions still to be looked at. */
  async nextBuild(client: PoolClient, segmentIds: readonly string[], partitions: readonly number[]): Promise<Build | undefined> {
    return (await client.query<Build>(NEXT_BUILD, [segmentIds, partitions])).rows[0];
  }

  /** Customers of a build, in the order of their ids. */
  async toLookAt(client: PoolClient, { segmentId, partition }: Build): Promise<string[]> {
    return (await client.query<{ id: string }>(TO_LOOK_AT, [segmentId, partition])).rows.map(({ id }) => id);
  }

  /** Unless it was asked for again meanwhile. */
  async built(client: PoolClient, { segmentId, partition, askedAt }: Build): Promise<void> {
    await client.query(`delete from serving.definition_builds where segment_id = $1 and partition = $2 and asked_at = $3::timestamptz`, [segmentId, partition, askedAt]);
  }

  /** What is left of it is its history. */
  async retire(client: PoolClient, segmentId: string): Promise<void> {
    await client.query(`delete from serving.segment_definitions where segment_id = $1`, [segmentId]);
    await client.query(`delete from serving.segment_deadlines where segment_id = $1`, [segmentId]);
    await client.query(`delete from serving.segment_regions where segment_id = $1`, [segmentId]);
    await client.query(`update serving.segments set is_live = false, retired_at = now() where id = $1`, [segmentId]);
  }

  async members(client: PoolClient, segmentId: string): Promise<string[]> {
    const { rows } = await client.query<{ id: string }>(
      `select customer_id as id from serving.memberships where segment_id = $1 and until is null`, [segmentId],
    );
    return rows.map(({ id }) => id);
  }

  /** Has Postgres judge nobody by a condition. Throws CONDITION_INVALID where it refuses to, and the transaction is over. */
  async tryOut(client: PoolClient, condition: Condition, now: string): Promise<void> {
    const { text, values } = judging([{ segmentId: NIL, condition }], { customerIds: [], now, source: FEED }, SAMPLE, [0]);
    try {
      await client.query(text, [...values]);
    } catch (error) {
      const failure = failureOf(error);
      throw failure === undefined ? error : invalid('condition', `the database refuses it (${failure})`);
    }
  }

  /** Undefined where it takes too long. */
  preview(workspaceId: string, condition: Condition, now: string, sample: number): Promise<Sample | undefined> {
    return this.inTime(workspaceId, [condition], now, async (ask, source) => {
      const { text, values } = judging([{ segmentId: NIL, condition }], { customerIds: null, now, source }, SAMPLE, [sample]);
      const [counted] = await ask<Omit<Sample, 'notices'>>(text, values);
      return counted && { ...counted, notices: await noticesOf(ask, condition, { now, source }) };
    });
  }

  /** What makes a rule count otherwise than it reads. */
  async notices(workspaceId: string, condition: Condition, now: string): Promise<definition.RuleNotice[]> {
    return (await this.inTime(workspaceId, [condition], now, (ask, source) => noticesOf(ask, condition, { now, source }))) ?? [NOT_READ];
  }

  /** What there is of a customer for some conditions, in their order. Undefined where it takes too long. */
  findings(workspaceId: string, literals: readonly Literal[], customerId: string, now: string): Promise<Found[] | undefined> {
    const all = literals.map(({ condition }) => condition);
    const work = (ask: Ask, source: string) => {
      const { text, values } = finding(literals, { customerId, now, source });
      return ask<Found>(text, values);
    };
    return this.inTime(workspaceId, all, now, work, { customerIds: [customerId] });
  }

  /** In a transaction with what conditions read of everyone or of some, archives too. Undefined where it takes too long. */
  private async inTime<Result>(
    workspaceId: string,
    conditions: readonly Condition[],
    now: string,
    work: (ask: Ask, source: string) => Promise<Result>,
    whose: Pick<EventScope, 'customerIds'> = {},
  ): Promise<Result | undefined> {
    try {
      return await this.within(workspaceId, async (client) => {
        const end = Date.now() + PREVIEW_MS;
        const limit = () => client.query(`set local statement_timeout = ${Math.max(1, end - Date.now())}`);
        const ask: Ask = async <Row>(text: string, values: readonly unknown[]) => {
          await limit();
          return (await client.query(text, [...values])).rows as Row[];
        };
        // Also of what brings events from archives.
        await limit();
        return work(ask, await this.sourceFor(client, conditions, whose, now, AbortSignal.timeout(PREVIEW_MS)));
      });
    } catch (error) {
      if (isTooSlow(error)) return undefined;
      throw error;
    }
  }
}

/** Two made at the same moment under one name. */
export function isNameTaken(error: unknown): boolean {
  return (error as { constraint?: string }).constraint === NAME_INDEX;
}
