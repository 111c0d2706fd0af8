import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import { type EventScope, FEED } from '#libs/history';

import { guardLeases } from '../lease/lease.repository.js';
import { type Lease, PARTITIONS, partitionOf } from '../lease/partition.js';
import { shareMemberships } from '../scoring/write.lock.js';
import { isoOf } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { segmentsIn } from './condition.js';
import { DIFFERENCES, judging, type Look } from './condition.sql.js';
import { advance, holdPositions, readFeeds } from './definition.positions.js';
import { type Build, DefinitionRepository, type DefinitionRow } from './definition.repository.js';
import { writeCrossings } from './member.writes.js';

/** Customers whose windows end that are looked at in one step. */
const MOST_DUE = 2_000;

interface Difference {
  readonly customerId: string;
  readonly fits: boolean;
  readonly isMember: boolean;
  readonly due: string | null;
}

/** Whoever takes a step, and the partitions that are theirs. */
export interface Holder {
  readonly replicaId: string;
  readonly leases: readonly Lease[];
}

export interface Taken {
  /** There is more to do at once. */
  readonly hasMore: boolean;
  /** Somebody's membership changed. */
  readonly hasChanges: boolean;
}

type Rule = DefinitionRow & { readonly condition: NonNullable<DefinitionRow['condition']> };

const NOTHING: Taken = { hasMore: false, hasChanges: false };
const DUE = `select distinct customer_id as id from (
  select customer_id from serving.segment_deadlines where due_at <= $1::timestamptz and serving.partition_of(customer_id) = any($2::int[])
  order by due_at limit ${MOST_DUE}) as due`;

/**
 * One step of a workspace's rules, for the partitions that a replica leases: whoever had an event, changed hands, moved
 * between segments or saw a window end is looked at anew under every rule, and one partition of everyone under a rule
 * that was changed. All of it and how far the feeds were read is one transaction under the leases, so that a step that
 * dies never was.
 */
@Injectable()
export class DefinitionStep {
  constructor(
    private readonly definitions: DefinitionRepository,
    private readonly directory: WorkspaceDirectory,
  ) {}

  take(workspaceId: string, { replicaId, leases }: Holder): Promise<Taken> {
    return this.definitions.within(workspaceId, async (client) => {
      if (!(await guardLeases(client, replicaId, leases))) return NOTHING;
      const positions = await holdPositions(client, leases.map(({ partition }) => partition));
      if (positions.length === 0) return NOTHING;
      const rules = inOrder(await this.definitions.all(client));
      if (rules.length === 0) {
        await endFollowing(client);
        return NOTHING;
      }
      await shareMemberships(client, workspaceId);
      const held = positions.map(({ partition }) => partition);
      const read = await readFeeds(client, positions);
      const now = isoOf(await this.directory.now(workspaceId, read.newestEventAt));
      const due = await client.query<{ id: string }>(DUE, [now, held]);
      // Of two customers who share an event by a merge, one may be another replica's.
      const touched = [...new Set([...read.customerIds, ...due.rows.map(({ id }) => id)])].filter((id) => held.includes(partitionOf(id)));
      const building = await this.definitions.nextBuild(client, rules.map(({ segmentId }) => segmentId), held);
      const isIdle = touched.length === 0 && !building;
      const source = isIdle ? FEED : await this.definitions.sourceFor(client, rules.map(({ condition }) => condition), whose(touched, building), now);
      let hasChanges = false;
      for (const rule of rules) {
        if (touched.length > 0 && (await judge(client, workspaceId, rule, { scope: { customerIds: touched, partition: null }, now, source }))) hasChanges = true;
        if (rule.segmentId !== building?.segmentId) continue;
        if (await judge(client, workspaceId, rule, { scope: { customerIds: null, partition: building.partition }, now, source })) hasChanges = true;
      }
      if (building) await this.definitions.built(client, building);
      await advance(client, read);
      return { hasMore: read.isFull || due.rows.length > 0 || building !== undefined, hasChanges };
    });
  }
}

/** Without rules there is nothing to follow; whoever holds all partitions then says so. */
async function endFollowing(client: PoolClient): Promise<void> {
  const { rowCount } = await client.query(`select from serving.definition_positions for update skip locked`);
  if (rowCount !== PARTITIONS) return;
  await client.query(`delete from serving.definition_positions`);
  await client.query(`delete from serving.open_definitions where workspace_id = kindred.workspace() and not exists (select from serving.segment_regions)`);
}

/** Whom a step looks at: some people, and where a rule is built, one partition of everyone. */
function whose(touched: readonly string[], building: Build | undefined): Pick<EventScope, 'customerIds' | 'among'> {
  if (!building) return { customerIds: touched };
  return { among: { text: `m.customer_id = any($2::uuid[]) or serving.partition_of(m.customer_id) = $3`, values: [touched, building.partition] } };
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
