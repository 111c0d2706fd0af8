import { Inject, Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';

import { type EventScope, FEED } from '#libs/history';
import { SERVICE } from '#libs/service';

import { guardLeases } from '../lease/lease.repository.js';
import { type Lease, PARTITIONS, partitionOf } from '../lease/partition.js';
import { shareMemberships } from '../scoring/write.lock.js';
import { type Context } from '../store.js';
import { isoOf } from '../time/micros.js';
import { WorkspaceDirectory } from '../workspace/workspace.directory.js';
import { segmentsIn } from './condition.js';
import { DIFFERENCES, judging, type Look, type Scope } from './condition.sql.js';
import { advance, holdPositions, readFeeds } from './definition.positions.js';
import { type Build, DefinitionRepository, type DefinitionRow } from './definition.repository.js';
import { writeCrossings } from './member.writes.js';
import { failureOf, rulesFailed } from './rule.failure.js';

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

export const NOTHING: Taken = { hasMore: false, hasChanges: false };
const DUE = `select distinct customer_id as id from (
  select customer_id from serving.segment_deadlines where due_at <= $1::timestamptz and serving.partition_of(customer_id) = any($2::int[])
  order by due_at limit ${MOST_DUE}) as due`;

/**
 * One step of a workspace's rules, for the partitions that a replica leases: whoever had an event, changed hands, moved
 * between segments or saw a window end is looked at anew under every rule, and one partition of everyone under a rule
 * that was changed. All of it and how far the feeds were read is one transaction under the leases, so that a step that
 * dies never was. A rule that Postgres refuses is left out for a while, and holds up no other.
 */
@Injectable()
export class DefinitionStep {
  constructor(
    private readonly definitions: DefinitionRepository,
    private readonly directory: WorkspaceDirectory,
    @Inject(SERVICE) private readonly context: Context,
  ) {}

  take(workspaceId: string, { replicaId, leases }: Holder): Promise<Taken> {
    return this.definitions.within(workspaceId, async (client) => {
      if (!(await guardLeases(client, replicaId, leases))) return NOTHING;
      const positions = await holdPositions(client, leases.map(({ partition }) => partition));
      if (positions.length === 0) return NOTHING;
      const all = inOrder(await this.definitions.all(client));
      if (all.length === 0) {
        await endFollowing(client);
        return NOTHING;
      }
      const rules = all.filter(({ isPaused }) => !isPaused);
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
        const scopes: Scope[] = touched.length > 0 ? [{ customerIds: touched, partition: null }] : [];
        const isBuilt = rule.segmentId === building?.segmentId;
        if (isBuilt) scopes.push({ customerIds: null, partition: building.partition });
        if (scopes.length === 0) continue;
        if (isBuilt) await this.definitions.built(client, building);
        if (await this.judgeOrLeaveOut(client, workspaceId, rule, scopes.map((scope) => ({ scope, now, source })))) hasChanges = true;
      }
      await advance(client, read);
      return { hasMore: read.isFull || due.rows.length > 0 || building !== undefined, hasChanges };
    });
  }

  /** Answers whether anybody's membership changed. Of a rule that Postgres refuses nothing is done, and everyone is looked at anew when it is tried again. */
  private async judgeOrLeaveOut(client: PoolClient, workspaceId: string, rule: Rule, looks: readonly Look[]): Promise<boolean> {
    await client.query('savepoint rule');
    let hasChanges = false;
    try {
      for (const look of looks) if (await judge(client, workspaceId, rule, look)) hasChanges = true;
      if (rule.failure !== null) await this.definitions.recover(client, rule.segmentId);
    } catch (error) {
      const failure = failureOf(error);
      if (failure === undefined) throw error;
      await client.query('rollback to savepoint rule');
      await this.definitions.fail(client, rule.segmentId, failure);
      rulesFailed.inc();
      this.context.log.warn({ err: error, workspaceId, segmentId: rule.segmentId }, 'a rule is left out for a while: the database refuses it');
      return false;
    }
    await client.query('release savepoint rule');
    return hasChanges;
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
