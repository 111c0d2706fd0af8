import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import { type EventScope, FEED } from '#libs/history';

import { PARTITIONS } from '../lease/partition.js';
import { shareMemberships } from '../scoring/write.lock.js';
import { isoOf, type Micros, microsSql } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { segmentsIn } from './condition.js';
import { DIFFERENCES, judging, type Look } from './condition.sql.js';
import { DefinitionRepository, type DefinitionRow } from './definition.repository.js';
import { writeCrossings } from './member.writes.js';

/** Rows of each feed in one step: a step is one transaction. */
const BATCH = 2_000;

interface Positions {
  readonly event: readonly [number, number];
  readonly mapping: readonly [number, number];
  readonly change: readonly [number, number];
  readonly newestEventAt: Micros | null;
}

interface Difference {
  readonly customerId: string;
  readonly fits: boolean;
  readonly isMember: boolean;
  readonly due: string | null;
}

type Place = { readonly a: number; readonly b: number };
type Rule = DefinitionRow & { readonly condition: NonNullable<DefinitionRow['condition']> };

const POSITIONS = `select array[event_horizon, event_sequence]::float8[] as event, array[mapping_horizon, mapping_sequence]::float8[] as mapping,
    array[change_xid, change_sequence]::float8[] as change, ${microsSql('newest_event_at')} as "newestEventAt"
  from serving.definition_positions for update skip locked`;
const EVENTS = `select f.horizon::float8 as a, f.sequence::float8 as b, f.customer_id as id, ${microsSql('f.occurred_at')} as at from ingestion.event_feed_v1 f
  where (f.horizon, f.sequence) > ($1::bigint, $2::bigint) order by f.horizon, f.sequence limit ${BATCH}`;
const MAPPINGS = `select f.horizon::float8 as a, f.sequence::float8 as b, array[f.from_customer_id, f.into_customer_id] as ids from ingestion.mapping_feed_v1 f
  where (f.horizon, f.sequence) > ($1::bigint, $2::bigint) order by f.horizon, f.sequence limit ${BATCH}`;
const CHANGES = `select c.xid::float8 as a, c.sequence::float8 as b, c.customer_id as id from serving.membership_changes c
  where (c.xid, c.sequence) > ($1::bigint, $2::bigint) order by c.xid, c.sequence limit ${BATCH}`;
const DUE = `select distinct customer_id as id from (
  select customer_id from serving.segment_deadlines where due_at <= $1::timestamptz order by due_at limit ${BATCH}) as due`;

/**
 * One step of a workspace's rules: whoever had an event, changed hands, moved between segments or saw a window end is
 * looked at anew under every rule, and one partition of everyone under a rule that was changed. All of it and how far
 * the feeds were read is one transaction, so that a step that dies never was.
 */
@Injectable()
export class DefinitionStep {
  constructor(
    private readonly definitions: DefinitionRepository,
    private readonly directory: WorkspaceDirectory,
  ) {}

  /** Answers whether there is more to do at once, and whether anybody's membership changed. */
  take(workspaceId: string): Promise<{ hasMore: boolean; hasChanges: boolean }> {
    return this.definitions.within(workspaceId, async (client) => {
      const { rows: [from] } = await client.query<Positions>(POSITIONS);
      if (!from) return { hasMore: false, hasChanges: false };
      const rules = inOrder(await this.definitions.all(client));
      if (rules.length === 0) {
        await client.query(`delete from serving.definition_positions`);
        await client.query(`delete from serving.open_definitions where workspace_id = kindred.workspace() and not exists (select from serving.segment_regions)`);
        return { hasMore: false, hasChanges: false };
      }
      await shareMemberships(client, workspaceId);
      const read = await readFeeds(client, from);
      const now = isoOf(await this.directory.now(workspaceId, read.newestEventAt));
      const due = await client.query<{ id: string }>(DUE, [now]);
      const touched = [...new Set([...read.customerIds, ...due.rows.map(({ id }) => id)])];
      const building = rules.find(({ built }) => built < PARTITIONS);
      const isIdle = touched.length === 0 && !building;
      const source = isIdle ? FEED : await this.definitions.sourceFor(client, rules.map(({ condition }) => condition), whose(touched, building), now);
      let hasChanges = false;
      for (const rule of rules) {
        if (touched.length > 0 && (await judge(client, workspaceId, rule, { scope: { customerIds: touched, partition: null }, now, source }))) hasChanges = true;
        if (rule === building && (await judge(client, workspaceId, rule, { scope: { customerIds: null, partition: rule.built }, now, source }))) hasChanges = true;
      }
      if (building) await client.query(`update serving.segment_definitions set built = built + 1 where segment_id = $1`, [building.segmentId]);
      await advance(client, read);
      return { hasMore: read.isFull || due.rows.length > 0 || building !== undefined, hasChanges };
    });
  }
}

/** Whom a step looks at: some people, and where a rule is built, one partition of everyone. */
function whose(touched: readonly string[], building: Rule | undefined): Pick<EventScope, 'customerIds' | 'among'> {
  if (!building) return { customerIds: touched };
  return { among: { text: `m.customer_id = any($2::uuid[]) or serving.partition_of(m.customer_id) = $3`, values: [touched, building.built] } };
}

/** Rules after those that they name. */
function inOrder(rows: readonly DefinitionRow[]): Rule[] {
  const rules = new Map(rows.flatMap((row) => (row.condition === null ? [] : [[row.segmentId, row as Rule] as const])));
  const ordered = new Set<Rule>();
  const visit = (rule: Rule): void => {
    if (ordered.has(rule)) return;
    for (const named of segmentsIn(rule.condition)) {
      const other = rules.get(named);
      if (other) visit(other);
    }
    ordered.add(rule);
  };
  for (const rule of rules.values()) visit(rule);
  return [...ordered];
}

async function readFeeds(client: PoolClient, from: Positions) {
  const events = (await client.query<Place & { id: string; at: Micros }>(EVENTS, [...from.event])).rows;
  const mappings = (await client.query<Place & { ids: string[] }>(MAPPINGS, [...from.mapping])).rows;
  const changes = (await client.query<Place & { id: string }>(CHANGES, [...from.change])).rows;
  const end = (rows: readonly Place[], before: readonly [number, number]): readonly [number, number] => {
    const last = rows.at(-1);
    return last ? [last.a, last.b] : before;
  };
  const newest = events.reduce((latest, { at }) => Math.max(latest, at), from.newestEventAt ?? -Infinity);
  return {
    customerIds: [...events.map(({ id }) => id), ...mappings.flatMap(({ ids }) => ids), ...changes.map(({ id }) => id)],
    event: end(events, from.event),
    mapping: end(mappings, from.mapping),
    change: end(changes, from.change),
    newestEventAt: Number.isFinite(newest) ? newest : null,
    isFull: [events, mappings, changes].some(({ length }) => length === BATCH),
  };
}

async function judge(client: PoolClient, workspaceId: string, { segmentId, condition }: Rule, look: Look): Promise<boolean> {
  const { scope, now } = look;
  const { text, values } = judging(condition, look, DIFFERENCES, [segmentId]);
  const { rows } = await client.query<Difference>(text, [...values]);
  await client.query(
    `delete from serving.segment_deadlines where segment_id = $3
     and ($1::uuid[] is null or customer_id = any($1)) and ($2::int is null or serving.partition_of(customer_id) = $2)`,
    [scope.customerIds, scope.partition, segmentId],
  );
  await client.query(
    `insert into serving.segment_deadlines (workspace_id, segment_id, customer_id, due_at)
     select kindred.workspace(), $1, r.id, r.due from json_to_recordset($2::json) as r(id uuid, due timestamptz) where r.due is not null`,
    [segmentId, JSON.stringify(rows.map(({ customerId: id, due }) => ({ id, due })))],
  );
  const enters = rows.filter(({ fits, isMember }) => fits && !isMember).map(({ customerId }) => customerId);
  const leaves = rows.filter(({ fits, isMember }) => !fits && isMember).map(({ customerId }) => customerId);
  return writeCrossings(client, workspaceId, segmentId, { enters, leaves }, now);
}

async function advance(client: PoolClient, { event, mapping, change, newestEventAt }: Positions): Promise<void> {
  await client.query(
    `update serving.definition_positions set event_horizon = $1, event_sequence = $2, mapping_horizon = $3, mapping_sequence = $4,
       change_xid = $5, change_sequence = $6, newest_event_at = $7`,
    [...event, ...mapping, ...change, newestEventAt === null ? null : isoOf(newestEventAt)],
  );
}
